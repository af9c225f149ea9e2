-- +goose Up

-- Operators and roles. The program has the permissions of the four standard roles
-- (internal/operator); custom roles are rows.
create table operators (
  id          blob    not null constraint operators_id check (length(id) = 16),
  name        text    not null constraint operators_name check (length(name) between 1 and 100),
  name_key    text    not null,
  role        text    not null,
  created_at  text    not null,
  updated_at  text    not null,
  disabled_at text,
  version     integer not null constraint operators_version check (version > 0),
  primary key (id)
) strict, without rowid;

create unique index operators_name_key on operators (name_key);
create index operators_role on operators (role, id);

create table roles (
  name        text    not null constraint roles_name check (length(name) between 1 and 100),
  permissions text    not null, -- words, separated by spaces
  created_at  text    not null,
  updated_at  text    not null,
  version     integer not null constraint roles_version check (version > 0),
  primary key (name)
) strict, without rowid;

-- A token belongs to an operator; older tokens get the first one.
alter table api_tokens add column operator_id blob;
alter table api_tokens add column scope text; -- words, separated by spaces; NULL: all that the role allows

create index api_tokens_operator on api_tokens (operator_id, id);

-- The audit log. An entry is written in the transaction of its change and never
-- changes; the key of its mac is not in the database. Entries that are not sealed
-- yet wait in audit_pending, and audit_seal is the chain.
create table audit (
  id          blob not null,
  at          text not null,
  operator_id blob,          -- NULL: the command line, or Muster itself
  token_id    blob,
  source      text not null, -- where the request came from: an address, a command
  request_id  text,
  action      text not null,
  member_id   blob,
  target      text,          -- what else it concerns
  reason      text,
  was         text,          -- JSON of the fields that changed
  became      text,
  key_id      text not null,
  mac         blob not null,
  primary key (id)
) strict, without rowid;

create index audit_operator on audit (operator_id, id, action) where operator_id is not null;
create index audit_member on audit (member_id, id) where member_id is not null;
create index audit_action on audit (action, id);

create table audit_pending (
  entry_id blob not null,
  primary key (entry_id)
) strict, without rowid;

create table audit_seal (
  seq      integer not null,
  entry_id blob    not null,
  key_id   text    not null,
  mac      blob    not null,
  primary key (seq)
) strict, without rowid;

create unique index audit_seal_entry on audit_seal (entry_id);
