-- +goose Up

-- The same as for SQLite, with the types of PostgreSQL; a test compares the two.
-- Texts that rows are ordered or found by compare by code point, as in SQLite.

create table users (
  id          uuid             not null,
  external_id text collate "C" constraint users_external_id check (length(external_id) between 1 and 200),
  phone       text collate "C" constraint users_phone check (phone ~ '^[+][1-9][0-9]{5,14}$'),
  name        text             not null constraint users_name check (length(name) between 1 and 100),
  name_key    text collate "C" not null,
  gender      text collate "C" not null constraint users_gender check (gender in ('male', 'female', 'other')),
  birth_year  integer          not null constraint users_birth_year check (birth_year = 0 or birth_year between 1900 and 2200), -- 0: unknown
  status      text collate "C" not null constraint users_status check (
                        status in ('pending', 'approved', 'rejected', 'needs_info', 'suspended')),
  created_at  timestamptz      not null,
  updated_at  timestamptz      not null,
  deleted_at  timestamptz,
  version     bigint           not null constraint users_version check (version > 0),
  primary key (id)
);

create unique index users_phone_key on users (phone) where deleted_at is null and phone is not null;
create unique index users_external_id_key on users (external_id) where external_id is not null;

-- One index for each order of a list.
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
  member_id    uuid             not null references users (id) on delete cascade,
  height       integer,
  education    text,
  occupation   text,
  employer     text,
  income       bigint,
  region       text collate "C",
  religion     text,
  introduction text,
  primary key (member_id)
);

create index profile_region on profile (region, member_id) where region is not null;

create table lifestyle (
  member_id uuid  not null references users (id) on delete cascade,
  smoking   text,
  drinking  text,
  exercise  text,
  diet      text,
  pets      jsonb,
  hobbies   jsonb,
  primary key (member_id)
);

create table preference (
  member_id  uuid    not null references users (id) on delete cascade,
  age_min    integer,
  age_max    integer,
  height_min integer,
  height_max integer,
  genders    jsonb,
  regions    jsonb,
  educations jsonb,
  religions  jsonb,
  qualities  jsonb,
  goal       text,
  primary key (member_id)
);

create table subscription (
  member_id  uuid             not null references users (id) on delete cascade,
  id         uuid             not null,
  plan       text collate "C" not null,
  status     text collate "C" not null constraint subscription_status check (status in ('active', 'paused', 'cancelled', 'expired')),
  started_at timestamptz      not null,
  expires_at timestamptz,
  current    boolean          not null,
  primary key (member_id, id)
);

create unique index subscription_current_key on subscription (member_id) where current;
create index subscription_status_current on subscription (status, member_id) where current;
create index subscription_plan_current on subscription (plan, member_id) where current;

create table photos (
  member_id     uuid             not null references users (id) on delete cascade,
  id            uuid             not null,
  s3_key        text             not null,
  display_order integer          not null,
  status        text collate "C" not null constraint photos_status check (status in ('pending', 'approved', 'rejected')),
  content_type  text             not null,
  bytes         bigint           not null,
  width         integer          not null,
  height        integer          not null,
  sha256        text             not null,
  created_at    timestamptz      not null,
  deleted_at    timestamptz,
  primary key (member_id, id)
);

create table documents (
  member_id    uuid             not null references users (id) on delete cascade,
  id           uuid             not null,
  s3_key       text             not null,
  kind         text             not null,
  status       text collate "C" not null constraint documents_status check (status in ('pending', 'approved', 'rejected')),
  content_type text             not null,
  bytes        bigint           not null,
  sha256       text             not null,
  reviewer     text,
  reason       text,
  expires_at   timestamptz,
  created_at   timestamptz      not null,
  deleted_at   timestamptz,
  primary key (member_id, id)
);

-- Search: for each gram, blocks with the ids of the members whose names contain
-- it. A block holds the ids from its first one to the next block's. Members whose
-- names are not in the blocks yet wait in member_unindexed.
create table member_gram (
  gram  text collate "C" not null,
  first uuid             not null,
  ids   bytea            not null,
  primary key (gram, first)
);

create table member_unindexed (
  member_id uuid not null,
  primary key (member_id)
);

-- Counters of members that are not deleted. A change appends a delta; a task rolls
-- deltas up into the other four tables, and readers add both.
create table member_delta (
  id     uuid             not null,
  day    text collate "C" not null,
  slot   bigint           not null, -- quarter-hours since 1970
  gender text collate "C" not null,
  status text collate "C" not null,
  n      bigint           not null,
  primary key (id)
);

create table member_total (
  gender text collate "C" not null,
  status text collate "C" not null,
  n      bigint           not null,
  primary key (gender, status)
);

create table member_day (
  day    text collate "C" not null, -- of creation, in the store's time zone
  gender text collate "C" not null,
  status text collate "C" not null,
  n      bigint           not null,
  primary key (day, gender, status)
);

create table member_day_total (
  day text collate "C" not null,
  n   bigint           not null,
  primary key (day)
);

create table member_quarter (
  slot bigint not null,
  n    bigint not null,
  primary key (slot)
);

create table setting (
  key   text collate "C" not null,
  value text             not null,
  primary key (key)
);

create table api_tokens (
  id           uuid        not null,
  name         text        not null,
  prefix       text        not null,
  token_hash   bytea       not null,
  created_at   timestamptz not null,
  expires_at   timestamptz,
  revoked_at   timestamptz,
  last_used_at timestamptz,
  primary key (id)
);

create unique index api_tokens_hash_key on api_tokens (token_hash);

-- First responses to requests with an Idempotency-Key. Bodies may be long, so the
-- table is not clustered by its key.
create table idempotency (
  token_id    uuid             not null,
  key         text collate "C" not null,
  method_path text             not null,
  body_hash   bytea            not null,
  status      integer          not null,
  headers     text             not null,
  body        bytea            not null,
  created_at  timestamptz      not null,
  expires_at  timestamptz      not null
);

create unique index idempotency_key on idempotency (token_id, key);
create index idempotency_expires_at on idempotency (expires_at);

create table import_job (
  file_hash  text collate "C" not null,
  map_hash   text collate "C" not null,
  line       integer          not null, -- the last line that was processed
  imported   integer          not null,
  known      integer          not null, -- rows that were members already
  rejected   integer          not null,
  started_at timestamptz      not null,
  updated_at timestamptz      not null,
  primary key (file_hash, map_hash)
);
