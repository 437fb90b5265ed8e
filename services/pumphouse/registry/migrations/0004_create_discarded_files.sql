-- What is still to be deleted from the object store: everything whose key begins with the prefix.
create table registry.discarded_files (
    prefix text primary key,
    discarded_at timestamptz not null default now(),
    due_at timestamptz not null default now()
);
create index on registry.discarded_files (due_at);
