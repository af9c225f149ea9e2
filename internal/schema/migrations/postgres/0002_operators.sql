-- +goose Up

-- The same as for SQLite, where the comments are.
create table operators (
  id          uuid             not null,
  name        text             not null constraint operators_name check (length(name) between 1 and 100),
  name_key    text collate "C" not null,
  role        text collate "C" not null,
  created_at  timestamptz      not null,
  updated_at  timestamptz      not null,
  disabled_at timestamptz,
  version     bigint           not null constraint operators_version check (version > 0),
  primary key (id)
);

create unique index operators_name_key on operators (name_key);
create index operators_role on operators (role, id);

create table roles (
  name        text collate "C" not null constraint roles_name check (length(name) between 1 and 100),
  permissions text             not null,
  created_at  timestamptz      not null,
  updated_at  timestamptz      not null,
  version     bigint           not null constraint roles_version check (version > 0),
  primary key (name)
);

alter table api_tokens add column operator_id uuid;
alter table api_tokens add column scope text;

create index api_tokens_operator on api_tokens (operator_id, id);

create table audit (
  id          uuid             not null,
  at          timestamptz      not null,
  operator_id uuid,
  token_id    uuid,
  source      text             not null,
  request_id  text,
  action      text collate "C" not null,
  member_id   uuid,
  target      text,
  reason      text,
  was         text,
  became      text,
  key_id      text             not null,
  mac         bytea            not null,
  primary key (id)
);

create index audit_operator on audit (operator_id, id, action) where operator_id is not null;
create index audit_member on audit (member_id, id) where member_id is not null;
create index audit_action on audit (action, id);

create table audit_pending (
  entry_id uuid not null,
  primary key (entry_id)
);

create table audit_seal (
  seq      bigint not null,
  entry_id uuid   not null,
  key_id   text   not null,
  mac      bytea  not null,
  primary key (seq)
);

create unique index audit_seal_entry on audit_seal (entry_id);
