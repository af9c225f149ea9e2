-- +goose Up

-- The same as for SQLite, where the remarks are.
create table lease (
  name       text collate "C" not null,
  holder     text collate "C" not null,
  expires_at timestamptz      not null,
  primary key (name)
);
