package importer

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/musterhq/muster/internal/csvfile"
	"github.com/musterhq/muster/internal/fault"
	"github.com/musterhq/muster/internal/field"
	"github.com/musterhq/muster/internal/member"
)

// plan is a map bound to the header of a file. It is immutable.
type plan struct {
	of      *Map
	rules   member.Rules
	header  []string // without the columns that an earlier import appended
	whole   int      // the number of columns with them
	used    [][]string
	feeders map[string][]int // columns of each field
	id      []int
	feeds   []rule
	blank   []string
}

// rule says how one field is fed.
type rule struct {
	target    target
	columns   []int
	names     []string // pick: the entry of each column
	converter *converter
	constant  *value
}

// externalID is the field that holds the identity of a row.
const externalID = "external_id"

// bind finds the map's columns in the header. It refuses columns that are missing,
// repeated, or neither used nor ignored, and a map that does not feed a field which
// every member has. Faults: bad_map, bad_header.
func bind(m *Map, header []string, rules member.Rules) (*plan, error) {
	p := &plan{of: m, rules: rules, feeders: map[string][]int{}, blank: m.File.Blank, whole: len(header)}
	p.header = withoutAppended(header)
	p.used = make([][]string, len(p.header))
	if err := checkHeader(p.header); err != nil {
		return nil, err
	}
	names, _ := columnsOf(m.ID.From) // the map was checked
	var missing []string
	p.id = p.find(names, externalID, &missing)
	fields := slices.Concat(m.Fields, m.byName(p.header))
	for i := range fields {
		r, err := p.rule(&fields[i], &missing)
		if err != nil {
			return nil, badMap("field %d (%s): %s", i+1, fields[i].To, err)
		}
		p.feeds = append(p.feeds, r)
	}
	return p, cmp.Or(p.refuseMissing(missing), p.refuseUnused(), p.refuseIncomplete())
}

func checkHeader(header []string) error {
	for i, name := range header {
		if slices.Contains(header[:i], name) {
			return fault.New(fault.Invalid, "bad_header", "Two columns of the file have the name %q. Rename one.", name)
		}
	}
	return nil
}

// find returns the places of the columns, and notes the field that they feed.
func (p *plan) find(names []string, field string, missing *[]string) []int {
	places := make([]int, 0, len(names))
	for _, name := range names {
		i := slices.Index(p.header, name)
		if i < 0 {
			*missing = append(*missing, name)
			continue
		}
		places = append(places, i)
		p.used[i] = append(p.used[i], field)
	}
	p.feeders[field] = places
	return places
}

func (p *plan) rule(f *FieldMap, missing *[]string) (rule, error) {
	zone := p.rules.Zone
	if zone == nil {
		zone = time.UTC
	}
	c := newConverter(f, zone)
	r := rule{target: targets[f.To], converter: c, columns: p.find(f.from, f.To, missing)}
	switch c.form {
	case fixed:
		v, bad := c.convert(*f.Text)
		if bad != nil {
			return rule{}, errors.New("value: " + bad.remedy)
		}
		r.constant = &v
	case pick:
		slices.Sort(r.columns) // equal weights keep the file's order
		for _, i := range r.columns {
			r.names = append(r.names, f.Columns[p.header[i]])
		}
	}
	return r, nil
}

func (p *plan) refuseMissing(missing []string) error {
	for name := range p.of.Ignored {
		if !slices.Contains(p.header, name) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	hint := ""
	if len(p.header) == 1 {
		hint = fmt.Sprintf(" The file has only one column: check whether its delimiter is %q.", p.of.File.Delimiter)
	}
	return fault.New(fault.Invalid, "bad_header", "The file has no column %s.%s", quoted(slices.Compact(missing)), hint)
}

func (p *plan) refuseUnused() error {
	var unused, both []string
	for i, name := range p.header {
		_, ignored := p.of.Ignored[name]
		switch {
		case ignored && len(p.used[i]) > 0:
			both = append(both, name)
		case !ignored && len(p.used[i]) == 0:
			unused = append(unused, name)
		}
	}
	if len(both) > 0 {
		return badMap("it both uses and ignores %s", quoted(both))
	}
	if len(unused) > 0 {
		return badMap(`it does not mention the column %s: feed a field from each, or ignore it with a reason, such as [ignored] %s = "why"`,
			quoted(unused), unused[0])
	}
	return nil
}

// refuseIncomplete refuses a map that leaves out a field which every member has.
func (p *plan) refuseIncomplete() error {
	var empty member.Detail
	f := fault.As(p.rules.Check(&empty, time.Now()))
	if f == nil {
		return nil
	}
	var needed []string
	for _, field := range f.Fields {
		if _, fed := p.feeders[field.Name]; !fed {
			needed = append(needed, field.Name)
		}
	}
	if len(needed) == 0 {
		return nil
	}
	return badMap("it does not feed the field %s, which every member has", quoted(needed))
}

func quoted(names []string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = strconv.Quote(name)
	}
	return strings.Join(list, ", ")
}

// convert converts a row to a member, notes every problem, and sets in uses how
// each column fared.
func (p *plan) convert(row csvfile.Row, at time.Time, uses []use) entry {
	e := entry{line: row.Line, cells: row.Cells}
	if len(row.Cells) != p.whole {
		e.cells = p.shown(row.Cells)
		e.add("", nil, "wrong_number_of_cells", fmt.Sprintf("Must have %d cells, not %d.", p.whole, len(row.Cells)))
		return e
	}
	e.cells = row.Cells[:len(p.header)]
	cells := make([]string, len(e.cells))
	for i, cell := range e.cells {
		cells[i] = p.trimmed(cell)
		uses[i] = wasUsed
		if cells[i] == "" {
			uses[i] = wasBlank
		}
	}
	p.identify(&e, cells)
	for i := range p.feeds {
		p.feed(&e, &p.feeds[i], cells)
	}
	p.check(&e, at)
	for _, problem := range e.problems {
		for _, name := range problem.Columns {
			uses[slices.Index(p.header, name)] = wasBad
		}
	}
	return e
}

// damaged returns the entry of a row that could not be read.
func (p *plan) damaged(row csvfile.Row, d *csvfile.DamagedError) entry {
	e := entry{line: row.Line, cells: p.shown(row.Cells)}
	e.add("", nil, d.Class, d.Remedy)
	return e
}

// shown puts a row whose cells belong to no column into one cell of the rejects.
// The cells of its identity stay blank, so that the row is rejected again until
// somebody corrects it.
func (p *plan) shown(cells []string) []string {
	row := make([]string, len(p.header))
	place := 0
	for slices.Contains(p.id, place) && place < len(row)-1 {
		place++
	}
	row[place] = strings.Join(cells, p.of.File.Delimiter)
	return row
}

func (p *plan) trimmed(cell string) string {
	cell = strings.TrimSpace(cell)
	if slices.Contains(p.blank, cell) {
		return ""
	}
	return cell
}

func (p *plan) misfit(e *entry, field string, columns []int, bad *misfit) {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = p.header[c]
	}
	e.add(field, names, bad.class, bad.remedy)
}

func (p *plan) identify(e *entry, cells []string) {
	id := strings.TrimSpace(p.of.ID.Namespace)
	for _, c := range p.id {
		if cells[c] == "" {
			p.misfit(e, externalID, []int{c}, blankCell)
		}
		id += "/" + cells[c]
	}
	e.new.ExternalID = &id
}

// feed sets a field to its value, if the row has one.
func (p *plan) feed(e *entry, r *rule, cells []string) {
	if r.constant != nil {
		v := *r.constant
		v.list = slices.Clone(v.list)
		r.target.assign(&e.new, v)
		return
	}
	var v value
	var bad *misfit
	switch {
	case r.converter.form == pick:
		v.list = p.pick(e, r, cells)
	case r.target.kind == field.Texts:
		v.list, bad = p.gather(r, cells)
	default:
		text := p.source(r, cells)
		if text == "" {
			p.absent(e, r)
			return
		}
		v, bad = r.converter.convert(text)
	}
	switch {
	case bad != nil:
		p.misfit(e, r.target.name, r.columns, bad)
	case r.target.kind == field.Texts && len(v.list) == 0:
		p.absent(e, r)
	default:
		r.target.assign(&e.new, v)
	}
}

// absent rejects the row if the field is required.
func (p *plan) absent(e *entry, r *rule) {
	if r.converter.field.Required {
		p.misfit(e, r.target.name, r.columns, blankCell)
	}
}

// source returns the text that feeds a field: that of its columns, or the map's
// default for blank ones.
func (p *plan) source(r *rule, cells []string) string {
	f := r.converter.field
	if len(r.columns) == 1 {
		if text := cells[r.columns[0]]; text != "" {
			return text
		}
		return f.Default
	}
	parts := make([]string, 0, len(r.columns))
	for _, c := range r.columns {
		if cells[c] != "" {
			parts = append(parts, cells[c])
		}
	}
	if len(parts) == 0 {
		return f.Default
	}
	between := " "
	if f.Join != nil {
		between = *f.Join
	}
	return strings.Join(parts, between)
}

// gather returns the list that the columns hold.
func (p *plan) gather(r *rule, cells []string) ([]string, *misfit) {
	var all []string
	for _, c := range r.columns {
		if cells[c] == "" {
			continue
		}
		entries, bad := r.converter.entries(cells[c])
		if bad != nil {
			return nil, bad
		}
		all = append(all, entries...)
	}
	if len(all) == 0 && r.converter.field.Default != "" {
		return r.converter.entries(r.converter.field.Default)
	}
	return r.converter.capped(all), nil
}

// pick returns the list of the columns that count. A cell that cannot be read is a
// problem of its column.
func (p *plan) pick(e *entry, r *rule, cells []string) []string {
	found := make([]weighed, 0, len(r.columns))
	for i, c := range r.columns {
		if cells[c] == "" {
			continue
		}
		weight, yes, bad := r.converter.counts(cells[c])
		switch {
		case bad != nil:
			p.misfit(e, r.target.name, []int{c}, bad)
		case yes:
			found = append(found, weighed{r.names[i], weight})
		}
	}
	return r.converter.ranked(found)
}

// check checks the member against the rules. A field that has a problem already is
// not reported as missing as well.
func (p *plan) check(e *entry, at time.Time) {
	f := fault.As(p.rules.Check(&e.new, at))
	if f == nil {
		return
	}
	for _, field := range f.Fields {
		name := field.Name
		if _, known := targets[name]; !known && name != externalID {
			name = name[:max(strings.LastIndexByte(name, '.'), 0)] // an entry of a list
		}
		known := slices.ContainsFunc(e.problems, func(x Problem) bool { return x.Field == name })
		if !known {
			p.misfit(e, name, p.feeders[name], &misfit{field.Code, field.Message})
		}
	}
}
