-- configured_digest: of the token that the setting gave last, which may have been replaced since.
alter table registry.users add column configured_digest text not null default '';
alter table registry.users add column token_generation integer not null default 1;
update registry.users set configured_digest = token_digest;
