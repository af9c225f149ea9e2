-- +goose Up

-- Times are text of fixed width in UTC, lists are JSON, booleans 0 and 1.
-- Identifiers are UUIDv7: their order is the order of creation, so "newest first"
-- walks a primary key.

create table users (
  id          blob    not null constraint users_id check (length(id) = 16),
  external_id text    constraint users_external_id check (length(external_id) between 1 and 200),
  phone       text    constraint users_phone check (
                        phone glob '+[1-9]*' and substr(phone, 2) not glob '*[^0-9]*' and length(phone) between 7 and 16),
  name        text    not null constraint users_name check (length(name) between 1 and 100),
  name_key    text    not null,
  gender      text    not null constraint users_gender check (gender in ('male', 'female', 'other')),
  birth_year  integer not null constraint users_birth_year check (birth_year = 0 or birth_year between 1900 and 2200), -- 0: unknown
  status      text    not null constraint users_status check (
                        status in ('pending', 'approved', 'rejected', 'needs_info', 'suspended')),
  created_at  text    not null,
  updated_at  text    not null,
  deleted_at  text,
  version     integer not null constraint users_version check (version > 0),
  primary key (id)
) strict, without rowid;

create unique index users_phone_key on users (phone) where deleted_at is null and phone is not null;
create unique index users_external_id_key on users (external_id) where external_id is not null;

-- One index for each order of a list. The last column lets SQLite check the
-- condition of the partial index in the index; without it, it would read the table.
create index users_kind on users (status, gender, id, deleted_at) where deleted_at is null;
create index users_updated_at on users (updated_at, id, deleted_at) where deleted_at is null;
create index users_name on users (name_key, id, deleted_at) where deleted_at is null;
create index users_birth_year_id on users (birth_year, id, deleted_at) where deleted_at is null;

-- The same for deleted members, of whom there are few.
create index users_deleted on users (id, deleted_at) where deleted_at is not null;
create index users_deleted_updated_at on users (updated_at, id, deleted_at) where deleted_at is not null;
create index users_deleted_name on users (name_key, id, deleted_at) where deleted_at is not null;
create index users_deleted_birth_year on users (birth_year, id, deleted_at) where deleted_at is not null;

create table profile (
  member_id    blob not null references users (id) on delete cascade,
  height       integer,
  education    text,
  occupation   text,
  employer     text,
  income       integer,
  region       text,
  religion     text,
  introduction text,
  primary key (member_id)
) strict, without rowid;

create index profile_region on profile (region, member_id) where region is not null;

create table lifestyle (
  member_id blob not null references users (id) on delete cascade,
  smoking   text,
  drinking  text,
  exercise  text,
  diet      text,
  pets      text,
  hobbies   text,
  primary key (member_id)
) strict, without rowid;

create table preference (
  member_id  blob not null references users (id) on delete cascade,
  age_min    integer,
  age_max    integer,
  height_min integer,
  height_max integer,
  genders    text,
  regions    text,
  educations text,
  religions  text,
  qualities  text,
  goal       text,
  primary key (member_id)
) strict, without rowid;

create table subscription (
  member_id  blob    not null references users (id) on delete cascade,
  id         blob    not null,
  plan       text    not null,
  status     text    not null constraint subscription_status check (status in ('active', 'paused', 'cancelled', 'expired')),
  started_at text    not null,
  expires_at text,
  current    integer not null constraint subscription_current check (current in (0, 1)),
  primary key (member_id, id)
) strict, without rowid;

create unique index subscription_current_key on subscription (member_id) where current;
create index subscription_status_current on subscription (status, member_id) where current;
create index subscription_plan_current on subscription (plan, member_id) where current;

create table photos (
  member_id     blob    not null references users (id) on delete cascade,
  id            blob    not null,
  s3_key        text    not null,
  display_order integer not null,
  status        text    not null constraint photos_status check (status in ('pending', 'approved', 'rejected')),
  content_type  text    not null,
  bytes         integer not null,
  width         integer not null,
  height        integer not null,
  sha256        text    not null,
  created_at    text    not null,
  deleted_at    text,
  primary key (member_id, id)
) strict, without rowid;

create table documents (
  member_id    blob    not null references users (id) on delete cascade,
  id           blob    not null,
  s3_key       text    not null,
  kind         text    not null,
  status       text    not null constraint documents_status check (status in ('pending', 'approved', 'rejected')),
  content_type text    not null,
  bytes        integer not null,
  sha256       text    not null,
  reviewer     text,
  reason       text,
  expires_at   text,
  created_at   text    not null,
  deleted_at   text,
  primary key (member_id, id)
) strict, without rowid;

-- Search: for each gram, blocks with the ids of the members whose names contain
-- it. A block holds the ids from its first one to the next block's. Members whose
-- names are not in the blocks yet wait in member_unindexed.
create table member_gram (
  gram  text not null,
  first blob not null,
  ids   blob not null,
  primary key (gram, first)
) strict, without rowid;

create table member_unindexed (
  member_id blob not null,
  primary key (member_id)
) strict, without rowid;

-- Counters of members that are not deleted. A change appends a delta; a task rolls
-- deltas up into the other four tables, and readers add both.
create table member_delta (
  id     blob    not null,
  day    text    not null,
  slot   integer not null, -- quarter-hours since 1970
  gender text    not null,
  status text    not null,
  n      integer not null,
  primary key (id)
) strict, without rowid;

create table member_total (
  gender text    not null,
  status text    not null,
  n      integer not null,
  primary key (gender, status)
) strict, without rowid;

create table member_day (
  day    text    not null, -- of creation, in the store's time zone
  gender text    not null,
  status text    not null,
  n      integer not null,
  primary key (day, gender, status)
) strict, without rowid;

create table member_day_total (
  day text    not null,
  n   integer not null,
  primary key (day)
) strict, without rowid;

create table member_quarter (
  slot integer not null,
  n    integer not null,
  primary key (slot)
) strict, without rowid;

create table setting (
  key   text not null,
  value text not null,
  primary key (key)
) strict, without rowid;

create table api_tokens (
  id           blob not null,
  name         text not null,
  prefix       text not null,
  token_hash   blob not null,
  created_at   text not null,
  expires_at   text,
  revoked_at   text,
  last_used_at text,
  primary key (id)
) strict, without rowid;

create unique index api_tokens_hash_key on api_tokens (token_hash);

-- First responses to requests with an Idempotency-Key. Bodies may be long, so the
-- table is not clustered by its key.
create table idempotency (
  token_id    blob    not null,
  key         text    not null,
  method_path text    not null,
  body_hash   blob    not null,
  status      integer not null,
  headers     text    not null,
  body        blob    not null,
  created_at  text    not null,
  expires_at  text    not null
) strict;

create unique index idempotency_key on idempotency (token_id, key);
create index idempotency_expires_at on idempotency (expires_at);

create table import_job (
  file_hash  text    not null,
  map_hash   text    not null,
  line       integer not null, -- the last line that was processed
  imported   integer not null,
  known      integer not null, -- rows that were members already
  rejected   integer not null,
  started_at text    not null,
  updated_at text    not null,
  primary key (file_hash, map_hash)
) strict, without rowid;
