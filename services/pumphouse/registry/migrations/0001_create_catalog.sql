-- Definitions are kept as the JSON of their contract: no statement looks inside, and bytea holds
-- what jsonb and text refuse (\u0000). Names that must be unique have columns of their own.

create table registry.catalog_revision (
    only_row boolean primary key default true check (only_row),
    revision bigint not null default 0
);
insert into registry.catalog_revision default values;

create table registry.catalog_announced (
    only_row boolean primary key default true check (only_row),
    revision bigint not null default 0
);
insert into registry.catalog_announced default values;

create table registry.catalog_changes (
    revision bigint primary key,
    body bytea not null
);

create table registry.pipelines (
    id text primary key,
    name text not null unique,
    revision bigint not null,
    body bytea not null
);

create table registry.deployments (
    id text primary key,
    name text not null unique,
    pipeline_id text not null references registry.pipelines,
    endpoint_url_path text unique,
    revision bigint not null,
    body bytea not null
);
create index on registry.deployments (pipeline_id);

create table registry.variables (
    name text primary key,
    revision bigint not null,
    body bytea not null
);
