-- +goose Up

-- Who runs what only one server of a database should run, and until when. It is
-- not copied to another database.
create table lease (
  name       text not null,
  holder     text not null, -- one run of a server
  expires_at text not null,
  primary key (name)
) strict, without rowid;
