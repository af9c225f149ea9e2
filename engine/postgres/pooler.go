package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A pooler in transaction mode, such as pgbouncer, gives each transaction
// another connection to the server. An address says so with the parameter
// pool_mode=transaction, and these things are then done otherwise: statements
// are not kept prepared, and the timeouts are those of each transaction and not
// of the connection.
//
// The pooler needs pool_mode = transaction and no other setting. It must lead
// to one server: with several hosts behind one address, a position is looked up
// on one and read on another. Its default_pool_size should be as large as
// Readers and Writers together and one more for looking at the server, or
// sessions wait in the pooler, where nobody sees it.
const (
	poolMode        = "pool_mode"
	poolTransaction = "transaction"
)

// takePoolMode takes the parameter that is ours out of an address.
func takePoolMode(config *pgx.ConnConfig) (pooled bool, err error) {
	mode, named := config.RuntimeParams[poolMode]
	delete(config.RuntimeParams, poolMode)
	if named && mode != poolTransaction {
		return false, errors.New("the address has another pool_mode than transaction: leave it out where no pooler swaps connections between transactions")
	}
	return named, nil
}

// bindSettings has the connection carry the settings. Behind a pooler it cannot:
// each transaction does, through what it opens with, [withSettings].
func bindSettings(config *pgx.ConnConfig, settings [][2]string, pooled bool) {
	if pooled {
		config.DefaultQueryExecMode = pgx.QueryExecModeExec // which keeps no statement
		return
	}
	for _, s := range settings {
		config.RuntimeParams[s[0]] = s[1]
	}
}

// withSettings are the texts that open a session: begin and, behind a pooler,
// what sets the settings for as long as the transaction lasts.
func withSettings(begin string, settings [][2]string, pooled bool) []string {
	if !pooled {
		return []string{begin}
	}
	calls := make([]string, len(settings))
	for i, s := range settings {
		calls[i] = fmt.Sprintf("set_config('%s', '%s', true)", s[0], s[1])
	}
	return []string{begin, "select " + strings.Join(calls, ", ")}
}

// explainPooler says what a refusal means that only a pooler makes, or that its
// swapping of connections leads to: statements that are not there, or already.
func explainPooler(refused *refusal, message string) error {
	refusedAtStart := refused.Code == "08P01" && strings.Contains(message, "startup parameter")
	if refusedAtStart || refused.Code == "26000" || refused.Code == "42P05" {
		return fmt.Errorf("a pooler in transaction mode stands before the server: add pool_mode=transaction to the address: %w", refused)
	}
	return nil
}
