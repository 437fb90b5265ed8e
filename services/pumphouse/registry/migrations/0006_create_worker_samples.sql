create table registry.worker_samples (
    worker text not null,
    at timestamptz not null,
    host text not null,
    cpu float8 not null,
    ram float8 not null,
    disk float8 not null,
    network_in float8 not null,
    network_out float8 not null,
    total_ram bigint not null,
    total_disk bigint not null,
    primary key (worker, at)
);
create index on registry.worker_samples (at);
