create table slots (
    deployment_id text not null,
    slot timestamptz not null,
    execution_id uuid,
    status text not null check (status in ('claimed', 'published', 'skipped')),
    reason text,
    claimed_at timestamptz not null default now(),
    primary key (deployment_id, slot),
    check ((status = 'skipped') = (reason is not null)),
    check (status = 'skipped' or execution_id is not null)
);

create index slots_to_publish on slots (claimed_at) where status = 'claimed';
create index slots_by_time on slots (slot);
