create table registry.metrics (
    id bigint generated always as identity primary key,
    execution_id uuid not null references registry.executions on delete cascade,
    name text not null,
    value float8 not null,
    created_at timestamptz not null default now(),
    unique (execution_id, name)
);
create index on registry.metrics (created_at, id);

create table registry.metric_lists (
    id bigint generated always as identity primary key,
    execution_id uuid not null references registry.executions on delete cascade,
    name text not null,
    length bigint not null,
    created_at timestamptz not null default now(),
    unique (execution_id, name)
);
create index on registry.metric_lists (created_at, id);

-- A row for each request that appended; position: number of values of the list before these.
create table registry.metric_values (
    list_id bigint not null references registry.metric_lists on delete cascade,
    position bigint not null,
    values float8[] not null,
    primary key (list_id, position)
);
