create table registry.executions (
    id uuid primary key,
    status text not null check (
        status in ('Pending', 'Running', 'Succeeded', 'Failed', 'Error', 'Skipped')
    ),
    origin text not null,
    pipeline_id text not null references registry.pipelines on delete cascade,
    deployment_id text references registry.deployments on delete cascade,
    created_at timestamptz not null,
    created_by text not null,
    started_at timestamptz,
    finished_at timestamptz,
    attempt integer not null,
    trigger bytea not null,
    inputs bytea,
    outputs bytea,
    error bytea
);
create index on registry.executions (pipeline_id, created_at desc, id desc);
create index on registry.executions (deployment_id, created_at desc, id desc);
create index on registry.executions (id) where status in ('Pending', 'Running');

create table registry.log_lines (
    execution_id uuid not null references registry.executions on delete cascade,
    attempt integer not null,
    position integer not null,
    at timestamptz not null,
    stream text not null,
    text bytea not null,
    primary key (execution_id, attempt, position)
);

-- What was deleted must not come back with a message that is delivered again.
create table registry.deleted_executions (
    id uuid primary key,
    deleted_at timestamptz not null default now()
);
create index on registry.deleted_executions (deleted_at);
