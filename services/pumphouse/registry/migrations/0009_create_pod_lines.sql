-- What the pods of a deployment wrote outside of executions; the newest of it is kept.
-- number, total: of this line and those before it, how many they are, and their bytes.
create table registry.pod_lines (
    deployment_id text not null references registry.deployments on delete cascade,
    number bigint not null,
    total bigint not null,
    pod_id text not null,
    position integer not null,
    at timestamptz not null,
    stream text not null,
    text bytea not null,
    primary key (deployment_id, number),
    unique (deployment_id, pod_id, position)
);
