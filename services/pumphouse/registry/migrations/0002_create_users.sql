create table registry.users (
    id text primary key,
    name text not null unique,
    email text not null,
    token_digest text not null unique
);
