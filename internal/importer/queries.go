package importer

import (
	"time"

	"github.com/musterhq/muster/query"
)

// job says how far the import of a file with a map has come.
type job struct {
	file, mapping              string // hashes
	line                       int    // the last that is done
	created, present, rejected int64
	startedAt, updatedAt       time.Time
}

// jobOf returns the job of a file and a map, or nil.
func jobOf(file, mapping string) query.Query[*job] {
	return query.Maybe(`
		select line, imported, known, rejected, started_at, updated_at
		from import_job where file_hash = $1 and map_hash = $2`,
		func(r query.Row) (job, error) {
			j := job{file: file, mapping: mapping}
			return j, r.Scan(&j.line, &j.created, &j.present, &j.rejected, &j.startedAt, &j.updatedAt)
		}, file, mapping)
}

// save stores how far the job has come.
func (j job) save() query.Change {
	return query.Exec(`
		insert into import_job (file_hash, map_hash, line, imported, known, rejected, started_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8)
		on conflict (file_hash, map_hash) do update set
			line = excluded.line, imported = excluded.imported, known = excluded.known,
			rejected = excluded.rejected, started_at = excluded.started_at, updated_at = excluded.updated_at`,
		j.file, j.mapping, j.line, j.created, j.present, j.rejected, j.startedAt, j.updatedAt)
}
