package main

import (
	"embed"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/musterhq/muster/internal/operator"
)

// helpTexts has a file for each command: what help shows below the flags.
//
//go:embed help
var helpTexts embed.FS

// addHelp reads the texts. A command without one is an error.
func addHelp(parser *kong.Kong) error {
	fill := strings.NewReplacer(
		"${permissions}", permissionsHelp(),
		"${replicas}", "On PostgreSQL with replicas, name them with --replica, as for serve: the command then returns when no server honours the old rights any more.",
	)
	for _, command := range parser.Model.Leaves(false) {
		words := strings.Fields(command.FullPath())[1:]
		text, err := helpTexts.ReadFile("help/" + strings.Join(words, "-") + ".txt")
		if err != nil {
			return fmt.Errorf("the help of muster %s: %w", strings.Join(words, " "), err)
		}
		command.Detail = fill.Replace(strings.TrimSpace(string(text)))
	}
	return nil
}

func permissionsHelp() string {
	var list strings.Builder
	for _, p := range operator.Grantable() {
		fmt.Fprintf(&list, "    %-18s %s\n", p, p.Meaning())
	}
	return list.String()
}
