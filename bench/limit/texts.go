package limit

import (
	"slices"
	"strings"
)

// text is one of the statements that a connection keeps prepared.
type text int

const (
	begin text = iota
	beginWrite
	commit
	rollback
	token
	user
	profile
	lifestyle
	preference
	subscription
	photos
	documents
	firstPage
	total
	totals
	dashboardCounts
	insertUser
	insertProfile
	insertUnindexed
	insertDelta
	insertEntry
	insertPending
	howMany // texts there are
)

// texts are Muster's, as engine/sqlite spells them for SQLite. What a text
// reads or writes is said where it is run.
var texts = [howMany]string{
	begin:      "begin",
	beginWrite: "begin immediate",
	commit:     "commit",
	rollback:   "rollback",
	token: `
		select case when o.id is null then 1 when t.revoked_at is not null then 2 when t.expires_at <= ?2 then 3
				when o.disabled_at is not null then 4 when coalesce(t.last_used_at, t.created_at) < ?3 then 5 else 0 end,
			coalesce(t.id, ?4), coalesce(o.id, ?4), coalesce(o.role, ''), t.expires_at, t.scope, r.permissions
		from (select 1 as one) as always
			left join api_tokens t on t.token_hash = ?1
			left join operators o on o.id = t.operator_id
			left join roles r on r.name = o.role`,

	user: `
		select u.id, u.external_id, u.phone, u.name, u.gender, u.birth_year, u.status, u.updated_at, u.deleted_at, u.version
		from users u where u.id = ?1 and u.deleted_at is null`,
	profile: `
		select height, education, occupation, employer, income, region, religion, introduction
		from profile where member_id = ?1`,
	lifestyle: `
		select smoking, drinking, exercise, diet, pets, hobbies
		from lifestyle where member_id = ?1`,
	preference: `
		select age_min, age_max, height_min, height_max, genders, regions, educations, religions, qualities, goal
		from preference where member_id = ?1`,
	subscription: `
		select id, plan, status, started_at, expires_at
		from subscription where member_id = ?1 and current`,
	photos: `
		select id, s3_key, display_order, status, content_type, bytes, width, height, sha256, created_at
		from photos where member_id = ?1 and deleted_at is null order by display_order, id limit ?2`,
	documents: `
		select id, s3_key, kind, status, content_type, bytes, sha256, reviewer, reason, expires_at, created_at
		from documents where member_id = ?1 and deleted_at is null order by id limit ?2`,

	firstPage: `
		select u.id, u.external_id, u.phone, u.name, u.gender, u.birth_year, u.status, u.updated_at, u.deleted_at, u.version
		from users u where u.deleted_at is null order by u.id desc limit ?1`,
	total: `
		select coalesce(cast(sum(n) as bigint), 0) from (
			select gender, status, n from member_total
			union all select gender, status, n from member_delta) c where 1 = 1`,

	totals: `
		select coalesce(cast(sum(n) as bigint), 0),
			coalesce(cast(sum(n) filter (where gender = 'male') as bigint), 0),
			coalesce(cast(sum(n) filter (where gender = 'female') as bigint), 0),
			coalesce(cast(sum(n) filter (where status = 'pending') as bigint), 0)
		from (
			select gender, status, n from member_total
			union all select gender, status, n from member_delta) c`,

	dashboardCounts: `
		select
			(select coalesce(cast(sum(n) as bigint), 0) from member_day_total where day >= ?1)
			+ (select coalesce(cast(sum(n) as bigint), 0) from member_quarter where slot >= ?2 and slot < ?3)
			+ (select count(*) from users where id >= ?4 and id < ?5 and deleted_at is null)
			+ coalesce(cast(sum(d.n) filter (where d.slot >= ?2) as bigint), 0),
			(select coalesce(cast(sum(n) as bigint), 0) from member_day_total where day >= ?6)
			+ (select coalesce(cast(sum(n) as bigint), 0) from member_quarter where slot >= ?7 and slot < ?8)
			+ (select count(*) from users where id >= ?9 and id < ?10 and deleted_at is null)
			+ coalesce(cast(sum(d.n) filter (where d.slot >= ?7) as bigint), 0),
			(select coalesce(cast(sum(n) as bigint), 0) from member_day_total where day >= ?11)
			+ coalesce(cast(sum(d.n) filter (where d.slot >= ?12) as bigint), 0)
		from member_delta d`,

	insertUser: `
		insert into users (name_key, created_at, id, external_id, phone, name, gender, birth_year, status, updated_at, deleted_at, version)
		values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)`,
	insertProfile: `
		insert into profile (member_id, height, education, occupation, employer, income, region, religion, introduction)
		values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)`,
	insertUnindexed: `
		insert into member_unindexed (member_id) values (?1) on conflict (member_id) do nothing`,
	insertDelta: `
		insert into member_delta (id, day, slot, gender, status, n) values (?1, ?2, ?3, ?4, ?5, ?6)`,
	insertEntry: `
		insert into audit (id, at, operator_id, token_id, source, request_id, action, member_id, target, reason, was, became, key_id, mac)
		values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)`,
	insertPending: `
		insert into audit_pending (entry_id) values (?1)`,
}

// Statements are the texts that a request runs, each once, sorted and as
// [Plain] writes them; transactions are begun and ended by every request. It
// is for the test that holds them against Muster's.
func Statements(request string) []string {
	list := []string{Plain(texts[token])}
	for _, t := range map[string][]text{
		"detail":    {user, profile, lifestyle, preference, subscription, photos, documents},
		"list":      {firstPage, total},
		"dashboard": {totals, dashboardCounts},
		"create":    {insertUser, insertProfile, insertUnindexed, insertDelta, insertEntry, insertPending},
	}[request] {
		list = append(list, Plain(texts[t]))
	}
	slices.Sort(list)
	return list
}

// Plain is a text in one line, with one space where there was any.
func Plain(text string) string { return strings.Join(strings.Fields(text), " ") }
