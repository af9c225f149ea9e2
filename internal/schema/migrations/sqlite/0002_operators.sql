-- +goose Up

-- Who works here. The permissions of the four roles that every store has are in
-- the program (internal/operator); those of the others are rows of their own.
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
  permissions text    not null, -- words, with a space between
  created_at  text    not null,
  updated_at  text    not null,
  version     integer not null constraint roles_version check (version > 0),
  primary key (name)
) strict, without rowid;

-- A token belongs to an operator; one of before there were any gets the first.
alter table api_tokens add column operator_id blob;
alter table api_tokens add column scope text; -- words, with a space between; NULL: all that the role has

create index api_tokens_operator on api_tokens (operator_id, id);

-- The record. An entry is written with the change that it tells of and never
-- after; its mac is made with a key that is not here. What is not sealed yet
-- waits in audit_pending, and audit_seal is the chain.
create table audit (
  id          blob not null,
  at          text not null,
  operator_id blob,          -- NULL: the command line, or Muster itself
  token_id    blob,
  source      text not null, -- where it was asked for: an address, a command
  request_id  text,
  action      text not null,
  member_id   blob,
  target      text,          -- what else it was done to
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
