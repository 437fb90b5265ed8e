// A foreign program: publishes bodies as triggers, one after another, and prints the reply to each.
//
//     publish_trigger.cjs AMQP_URL BODY...
//
// It knows amqplib and JSON, and nothing of the platform but what the guide says. A body that
// begins with `!` gets no reply, and is not waited for.

const { randomUUID } = require("crypto");
const amqp = require("amqplib");

async function main([amqpUrl, ...bodies]) {
  const connection = await amqp.connect(amqpUrl);
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue("", { exclusive: true });
  const waiting = new Map();
  await channel.consume(
    queue,
    (reply) => waiting.get(reply.properties.correlationId)(reply.content.toString()),
    { noAck: true },
  );
  for (const body of bodies) {
    const correlationId = randomUUID();
    const replied = new Promise((resolve) => waiting.set(correlationId, resolve));
    channel.publish(
      "pumphouse.triggers",
      "trigger.requested.v1",
      Buffer.from(body.replace(/^!/, "")),
      { correlationId, replyTo: queue, messageId: randomUUID() },
    );
    await channel.waitForConfirms();
    if (!body.startsWith("!")) console.log(await replied);
  }
  await connection.close();
}

main(process.argv.slice(2));
