package httpapi

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/member"
	"github.com/musterhq/muster/internal/operator"
	"github.com/musterhq/muster/internal/privacy"
)

const (
	exampleID   = "0190a5c6-7d2e-7b31-8f60-2f1c5d0e9a47"
	exampleTime = "2026-01-31T09:00:00.123456Z"
)

// fact is what a type cannot say of a field: what it means, what it takes, what
// it may look like.
type fact struct {
	doc      string
	example  any
	min, max float64 // of a number, or the length of a text, or the items of a list
	enum     []string
	format   string
	readOnly bool
}

var (
	idFact      = fact{doc: "The id: its order is the order of creation.", example: exampleID, format: "uuid", readOnly: true}
	createdFact = fact{doc: "When it was created.", example: exampleTime, readOnly: true}
	grantable   = operator.All().Words()
	statuses    = words(member.Statuses())
	genders     = words(member.Genders())

	phoneFact  = fact{doc: "The phone in E.164; any form that the configured region reads is taken.", example: "+821012345678", min: 3, max: 64}
	nameFact   = fact{doc: "The name.", example: "김바다", min: 1, max: 100}
	genderFact = fact{doc: "The gender.", example: "female", enum: genders}
	birthFact  = fact{doc: "The year of birth; of a member that is at least 18 in the year of admission.", example: 1992, min: minYear, max: maxYear}
	statusFact = fact{doc: "Where the member stands with the review.", example: "pending", enum: statuses}

	reasonFact       = fact{doc: "Why: it is on the record.", example: "the member asked to be called back", min: float64(privacy.MinReason), max: float64(privacy.MaxReason)}
	operatorNameFact = fact{doc: "The name.", example: "Kim Minji", min: 1, max: 100}
	roleFact         = fact{doc: "The role: viewer, reviewer, manager, administrator, or one that was made here.", example: operator.Reviewer, min: 1, max: 50}
	tokenNameFact    = fact{doc: "Who or what uses it.", example: "nightly report", min: 1, max: 100}
	scopeFact        = fact{doc: "The permissions that it is limited to; null for all that the operator has.", example: []string{"dashboard:read"}, enum: grantable}

	planFact    = fact{doc: "The plan.", example: "gold", min: 1, max: field.MaxText}
	serveFact   = fact{doc: "Whether it serves.", example: "active", enum: subscriptions()[:4]}
	startedFact = fact{doc: "When it starts.", example: exampleTime}
	endsFact    = fact{doc: "When it ends; null is never.", example: "2027-01-31T09:00:00Z"}

	profileFact    = fact{doc: "What the member says of themselves; null if there is nothing."}
	lifestyleFact  = fact{doc: "How the member lives; null if nothing is known."}
	preferenceFact = fact{doc: "What the member seeks; null if nothing is known."}

	urlFact   = fact{doc: "The signed link; who has it can fetch the object until url_expires_at.", example: "http://127.0.0.1:8080/media/…", format: "uri-reference", readOnly: true}
	untilFact = fact{doc: "When the link ends.", example: exampleTime, readOnly: true}
	kindFact  = fact{doc: "The type of the content.", example: "image/jpeg", readOnly: true}
	bytesFact = fact{doc: "The size.", example: 183_204, readOnly: true}
	hashFact  = fact{doc: "The SHA-256 of the content, in hexadecimal.", example: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", readOnly: true}
	stateFact = fact{doc: "How far its review has come.", example: "approved", enum: []string{"pending", "approved", "rejected"}, readOnly: true}
)

// facts of every field of every schema, by schema and field.
var facts = map[string]map[string]fact{
	"Member": {
		"id": idFact, "external_id": {doc: "The key in the system that the member was imported from.", example: "4711", readOnly: true},
		"phone": phoneFact, "name": nameFact, "gender": genderFact, "birth_year": birthFact, "status": statusFact,
		"created_at": createdFact, "updated_at": {doc: "When it was last changed.", example: exampleTime, readOnly: true},
		"deleted_at": {doc: "When it was deleted; null if it was not.", readOnly: true},
		"version":    {doc: "Grows with every change of the member or its relations.", example: 7, min: 1, readOnly: true},
		"profile":    profileFact, "lifestyle": lifestyleFact, "preference": preferenceFact,
		"subscription": {doc: "The current subscription; null if there is none."},
		"photos":       {doc: "The photos, in the order of their display."}, "documents": {doc: "The documents."},
	},
	"NewMember": {
		"phone": phoneFact, "name": nameFact, "gender": genderFact, "birth_year": birthFact,
		"profile": profileFact, "lifestyle": lifestyleFact, "preference": preferenceFact,
		"subscription": {doc: "A subscription to begin with."},
	},
	"MemberPatch": {
		"phone": phoneFact, "name": nameFact, "gender": genderFact, "birth_year": birthFact,
		"status":  {doc: "The next state. From pending: approved, rejected or needs_info; from needs_info or rejected: pending; between approved and suspended.", example: "approved", enum: statuses},
		"profile": profileFact, "lifestyle": lifestyleFact, "preference": preferenceFact,
		"subscription": {doc: "The current subscription; null ends it."},
	},
	"Profile": {
		"height":       {doc: "In centimetres.", example: 168, min: 50, max: 300},
		"education":    {doc: "The education.", example: "bachelor", max: field.MaxText},
		"occupation":   {doc: "The occupation.", example: "architect", max: field.MaxText},
		"employer":     {doc: "The employer.", max: field.MaxText},
		"income":       {doc: "A year, in the platform's currency.", example: 52_000_000, max: 1_000_000_000_000},
		"region":       {doc: "The region.", example: "Seoul", max: field.MaxText},
		"religion":     {doc: "The religion.", max: field.MaxText},
		"introduction": {doc: "What the member wrote.", max: 4000},
	},
	"Lifestyle": {
		"smoking": {doc: "How often.", example: "never", max: field.MaxText}, "drinking": {doc: "How often.", example: "sometimes", max: field.MaxText},
		"exercise": {doc: "How often.", example: "weekly", max: field.MaxText}, "diet": {doc: "What the member eats.", max: field.MaxText},
		"pets": {doc: "The pets.", example: []string{"cat"}}, "hobbies": {doc: "The hobbies.", example: []string{"hiking", "film"}},
	},
	"Preference": {
		"age_min": {doc: "From this age.", example: 28, min: member.MinAge, max: 150}, "age_max": {doc: "To this age.", example: 38, min: member.MinAge, max: 150},
		"height_min": {doc: "From this height, in centimetres.", min: 50, max: 300}, "height_max": {doc: "To this height, in centimetres.", min: 50, max: 300},
		"genders": {doc: "Any of these.", example: []string{"male"}, enum: genders},
		"regions": {doc: "Any of these."}, "educations": {doc: "Any of these."}, "religions": {doc: "Any of these."},
		"qualities": {doc: "What matters, the weightiest first.", example: []string{"sincerity", "humour"}},
		"goal":      {doc: "What for.", example: "marriage", max: field.MaxText},
	},
	"Subscription": {"id": idFact, "plan": planFact, "status": serveFact, "started_at": startedFact, "expires_at": endsFact},
	"NewSubscription": {
		"plan": planFact, "status": serveFact, "started_at": {doc: "When it starts; now if it is absent.", example: exampleTime}, "expires_at": endsFact,
	},
	"SubscriptionChanges": {"plan": planFact, "status": serveFact, "started_at": startedFact, "expires_at": endsFact},
	"Photo": {
		"id": idFact, "url": urlFact, "url_expires_at": untilFact,
		"display_order": {doc: "The place among the photos.", example: 0, readOnly: true},
		"status":        stateFact, "content_type": kindFact, "bytes": bytesFact,
		"width": {doc: "In pixels.", example: 1200, readOnly: true}, "height": {doc: "In pixels.", example: 1600, readOnly: true},
		"sha256": hashFact, "created_at": createdFact,
	},
	"Document": {
		"id": idFact, "url": {doc: "Masked: always null. `reveal` gives a link, for a reason.", readOnly: true},
		"kind":   {doc: "What it proves.", example: "identity", readOnly: true},
		"status": stateFact, "content_type": kindFact, "bytes": bytesFact, "sha256": hashFact,
		"reviewer": {doc: "Who looked at it.", readOnly: true}, "reason": {doc: "Why it was decided so.", readOnly: true},
		"expires_at": {doc: "When it stops proving anything.", readOnly: true}, "created_at": createdFact,
	},
	"RevealRequest": {
		"fields": {doc: "What to see: phone.", example: []string{"phone"}, enum: revealable},
		"reason": reasonFact,
	},
	"Revealed": {
		"id": idFact, "phone": {doc: "The phone as it is stored, in E.164; null if there is none.", example: "+821012345678", readOnly: true},
	},
	"DocumentRequest": {"reason": reasonFact},
	"RevealedDocument": {
		"id": idFact, "url_expires_at": untilFact,
		"url": {doc: "The signed link; who has it can fetch the document until url_expires_at, a minute at most.", example: "http://127.0.0.1:8080/media/…", format: "uri-reference", readOnly: true},
	},
	"Me": {
		"operator_id": {doc: "The operator that calls.", example: exampleID, format: "uuid", readOnly: true},
		"name":        {doc: "Its name.", example: "Kim Minji", readOnly: true},
		"role":        {doc: "Its role.", example: operator.Reviewer, readOnly: true},
		"permissions": {doc: "What the role allows now and the token does not rule out.", example: []string{"members:read"}, readOnly: true},
		"token_id":    {doc: "The token that calls.", example: exampleID, format: "uuid", readOnly: true},
		"expires_at":  {doc: "When that token ends; null is never.", example: exampleTime, readOnly: true},
	},
	"Operator": {
		"id": idFact, "name": operatorNameFact, "role": roleFact, "created_at": createdFact,
		"updated_at":  {doc: "When it was last changed.", example: exampleTime, readOnly: true},
		"disabled_at": {doc: "Since when it may do nothing; null if it is enabled.", readOnly: true},
		"version":     {doc: "Grows with every change.", example: 3, min: 1, readOnly: true},
	},
	"OperatorList": {"items": {doc: "The operators."}},
	"NewOperator":  {"name": operatorNameFact, "role": roleFact},
	"OperatorPatch": {
		"name": operatorNameFact, "role": roleFact, "disabled": {doc: "Whether it may do nothing from now on."},
	},
	"Token": {
		"id": idFact, "operator_id": {doc: "Whose it is.", example: exampleID, format: "uuid", readOnly: true},
		"name": tokenNameFact, "scope": scopeFact, "created_at": createdFact,
		"prefix":       {doc: "The beginning of the secret, behind muster_, to recognise it by.", example: "k4x7mq2p", readOnly: true},
		"expires_at":   {doc: "When it ends; null is never.", example: exampleTime, readOnly: true},
		"revoked_at":   {doc: "When it was ended; null if it was not.", readOnly: true},
		"last_used_at": {doc: "When it was last used, to the minute.", readOnly: true},
	},
	"MadeToken": {
		"id": idFact, "operator_id": {doc: "Whose it is.", example: exampleID, format: "uuid", readOnly: true},
		"name": tokenNameFact, "scope": scopeFact, "created_at": createdFact,
		"prefix":       {doc: "The beginning of the secret, behind muster_, to recognise it by.", example: "k4x7mq2p", readOnly: true},
		"expires_at":   {doc: "When it ends; null is never.", example: exampleTime, readOnly: true},
		"revoked_at":   {doc: "Null: it is new.", readOnly: true},
		"last_used_at": {doc: "Null: it is new.", readOnly: true},
		"token":        {doc: "The secret, which is told this once.", example: "muster_k4x7mq2p_…", readOnly: true},
	},
	"TokenList": {"items": {doc: "The tokens."}},
	"NewToken": {
		"name": tokenNameFact, "scope": scopeFact,
		"expires_at": {doc: "When it ends; null is never, and in 90 days if it is left out.", example: exampleTime},
	},
	"Role": {
		"name":        {doc: "The name.", example: "accountant", readOnly: true},
		"permissions": {doc: "What it allows.", example: []string{"dashboard:read"}, enum: grantable},
		"custom":      {doc: "Whether it was made here, and can be changed.", readOnly: true},
		"created_at":  {doc: "When it was made; null for those that every store has.", readOnly: true},
		"updated_at":  {doc: "When it was last changed; null for those that every store has.", readOnly: true},
		"version":     {doc: "Grows with every change; 0 for those that every store has.", min: 0, example: 1, readOnly: true},
	},
	"RoleList":    {"items": {doc: "The roles."}, "permissions": {doc: "All that a role can allow."}},
	"RoleSetting": {"permissions": {doc: "What it is to allow.", example: []string{"dashboard:read"}, enum: grantable}},
	"Permission": {
		"name":    {doc: "The word for it.", example: "members:read", readOnly: true},
		"meaning": {doc: "What it allows.", example: "to list and open members, with what is masked left masked", readOnly: true},
	},
	"RecordPage": {
		"items":       {doc: "The entries, the newest first."},
		"next_cursor": {doc: "Brings the next page; null on the last."},
	},
	"RecordEntry": {
		"id": idFact, "at": {doc: "When it was done.", example: exampleTime, readOnly: true},
		"operator_id": {doc: "By whom; null: from the command line, or by Muster itself.", example: exampleID, format: "uuid", readOnly: true},
		"operator":    {doc: "The name that the operator has now.", example: "Kim Minji", readOnly: true},
		"token_id":    {doc: "With which token.", example: exampleID, format: "uuid", readOnly: true},
		"source":      {doc: "From where: an address, or the command line.", example: "192.0.2.7", readOnly: true},
		"request_id":  {doc: "The number of the request.", example: "0190a5c67d2e7b318f602f1c5d0e9a47", readOnly: true},
		"action":      {doc: "What was done.", example: "member.change", readOnly: true},
		"member_id":   {doc: "To which member.", example: exampleID, format: "uuid", readOnly: true},
		"target":      {doc: "To what else: an operator, a role, a document.", readOnly: true},
		"reason":      {doc: "Why, where that is asked.", example: "the member asked to be called back", readOnly: true},
		"was":         {doc: "What it was before, by field, with phones masked.", readOnly: true},
		"became":      {doc: "What it is since, by field, with phones masked.", readOnly: true},
		"seq":         {doc: "The place in the chain; null until it is sealed, within a second.", readOnly: true},
	},
	"MemberPage": {
		"items":       {doc: "The members of the page."},
		"next_cursor": {doc: "Brings the next page; null on the last."},
		"total":       {doc: "How many members pass the filter."},
	},
	"Total": {
		"count": {doc: "So many.", example: 10_000, min: 0},
		"exact": {doc: "Whether there are exactly so many, or more.", example: false},
	},
	"Summary": {
		"total_members":   {doc: "All members.", example: 100_000, min: 0},
		"monthly_signups": {doc: "Created in the last 30 days, to the instant.", example: 2_113, min: 0},
		"weekly_signups":  {doc: "Created in the last 7 days, to the instant.", example: 498, min: 0},
		"today_signups":   {doc: "Created since midnight in the configured time zone.", example: 31, min: 0},
		"male_count":      {doc: "Male members.", example: 50_912, min: 0},
		"female_count":    {doc: "Female members.", example: 48_377, min: 0},
		"pending_reviews": {doc: "Members that wait for a review.", example: 214, min: 0},
		"as_of":           {doc: "The moment that all of it is true of.", example: exampleTime},
	},
	"SignupSeries": {
		"from": {doc: "The first day.", example: "2026-01-01"}, "to": {doc: "The last day.", example: "2026-01-31"},
		"items": {doc: "By day, gender and status; days without sign-ups are left out."},
	},
	"SignupCount": {
		"day":    {doc: "The day, in the configured time zone.", example: "2026-01-31", format: "date"},
		"gender": genderFact, "status": statusFact, "count": {doc: "So many.", example: 12, min: 0},
	},
	"FieldProblem": {
		"field":   {doc: "The field or parameter, as it was sent: profile.height.", example: "birth_year"},
		"code":    {doc: "What is wrong, for a program.", example: "out_of_range"},
		"message": {doc: "What is taken instead, for a person.", example: "A birth year lies between 1900 and 2008."},
	},
}

// examples are bodies to try, by operation.
var examples = map[string]any{
	"search-members":  map[string]any{"q": "바다", "status": []string{"pending"}, "limit": 20},
	"reveal-member":   map[string]any{"fields": []string{"phone"}, "reason": "the member asked to be called back"},
	"reveal-document": map[string]any{"reason": "comparing the name with the application"},
	"create-operator": map[string]any{"name": "Kim Minji", "role": "reviewer"},
	"update-operator": map[string]any{"disabled": true},
	"create-token":    map[string]any{"name": "nightly report", "scope": []string{"dashboard:read"}},
	"create-my-token": map[string]any{"name": "nightly report", "scope": []string{"dashboard:read"}},
	"set-role":        map[string]any{"permissions": []string{"members:read", "dashboard:read"}},
	"create-member": map[string]any{
		"phone": "+821012345678", "name": "김바다", "gender": "female", "birth_year": 1992,
		"profile": map[string]any{"height": 168, "occupation": "architect", "region": "Seoul"},
	},
	"update-member": map[string]any{
		"status":  "approved",
		"profile": map[string]any{"region": "Busan", "employer": nil},
	},
}

// describe adds the facts to the schemas.
func (d documenter) describe() {
	for name, schema := range d.Components.Schemas.Map() {
		for field, s := range schema.Properties {
			if f, known := facts[name][field]; known {
				schema.Properties[field] = f.apply(s)
			}
		}
	}
	schemas := d.Components.Schemas.Map()
	for _, field := range []string{"phone", "birth_year"} { // absent on imported members only
		schemas["NewMember"].Properties[field].Nullable = false
	}
	schemas["SubscriptionChanges"].Properties["expires_at"].Nullable = true
	for _, field := range []string{"was", "became"} {
		s := schemas["RecordEntry"].Properties[field]
		s.Type, s.Nullable, s.AdditionalProperties = huma.TypeObject, true, true
	}
	end := schemas["NewToken"].Properties["expires_at"]
	end.Type, end.Format, end.Nullable = huma.TypeString, "date-time", true
	for _, name := range []string{"Token", "MadeToken"} {
		schemas[name].Properties["scope"].Nullable = true
	}
	for _, name := range []string{"Profile", "Lifestyle", "Preference"} {
		schemas[name].Required = nil // they are parts of a patch too
	}
}

// apply gives the schema of the field with what is known of it. One that refers
// to another schema may be null: every relation may be absent.
func (f fact) apply(s *huma.Schema) *huma.Schema {
	if s.Ref != "" {
		if s.Ref == "#/components/schemas/Total" {
			return &huma.Schema{Ref: s.Ref, Description: f.doc}
		}
		return &huma.Schema{Description: f.doc, AnyOf: []*huma.Schema{{Ref: s.Ref}, {Type: "null"}}}
	}
	s.Description, s.ReadOnly = f.doc, f.readOnly
	if f.example != nil {
		s.Examples = []any{f.example}
	}
	inner := s
	if s.Type == huma.TypeArray {
		s.Nullable = false
		inner = s.Items
		if inner.Type == huma.TypeString {
			s.MaxItems, inner.MinLength, inner.MaxLength = new(field.MaxItems), new(1), new(field.MaxText)
		}
	}
	if f.format != "" {
		inner.Format = f.format
	}
	for _, e := range f.enum {
		inner.Enum = append(inner.Enum, e)
	}
	if inner.Nullable && len(f.enum) > 0 {
		inner.Enum = append(inner.Enum, nil)
	}
	f.bound(inner)
	return s
}

func (f fact) bound(s *huma.Schema) {
	switch {
	case s.Type == huma.TypeString && f.max > 0:
		s.MaxLength = new(int(f.max))
		if f.min > 0 {
			s.MinLength = new(int(f.min))
		}
	case s.Type == huma.TypeInteger && (f.min != 0 || f.max != 0 || f.example != nil):
		s.Minimum = new(f.min)
		if f.max > 0 {
			s.Maximum = new(f.max)
		}
	}
}
