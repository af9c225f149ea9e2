package dbcopy

// Columns are the tables and columns that are copied.
func Columns() (list [][2]string) {
	for _, t := range tables {
		for _, name := range t.names {
			list = append(list, [2]string{t.name, name})
		}
	}
	return list
}
