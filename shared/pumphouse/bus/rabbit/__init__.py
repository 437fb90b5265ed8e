"""The bus over RabbitMQ: `bus` puts the parts together, `link` is the seam to the AMQP client."""
