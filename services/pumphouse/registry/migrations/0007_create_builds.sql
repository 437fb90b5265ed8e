-- Environments that are being built: a row goes when its build has ended.
create table registry.builds (
    pipeline_id text primary key references registry.pipelines on delete cascade,
    is_requested boolean not null default false
);
create index on registry.builds (pipeline_id) where not is_requested;

create table registry.build_lines (
    pipeline_id text not null references registry.pipelines on delete cascade,
    position integer not null,
    at timestamptz not null,
    stream text not null,
    text bytea not null,
    primary key (pipeline_id, position)
);
