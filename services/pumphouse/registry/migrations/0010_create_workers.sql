create table registry.workers (
    worker text primary key,
    seen_at timestamptz not null,
    host text not null,
    isolation integer not null,
    missing text[] not null,
    slots integer not null,
    pythons text[] not null,
    total_ram bigint not null,
    total_disk bigint not null
);
