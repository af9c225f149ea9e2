// Command bench measures Muster and prints what it finds as ratios of things
// that were measured in the same run, taking turns:
//
//	make bench                        # everything; about half an hour, 8 GB of disk
//	go run ./bench --quick            # everything, small: half a minute
//	go run ./bench --only detail,list # some of it
//
// # Against the limit
//
// The package bench/limit is what the same requests cost if nothing stands
// between net/http and the database: the same driver, pragmas and SQL texts, no
// layers. It and "muster serve", which logs every request as it does in
// production, run as processes of their own on copies of the same data. They
// take turns, the first to go changing with each round, and each turn gives the
// processor time that the server spent for 1,000 requests, as /proc tells it,
// the median and the 99th percentile of the latency, and the throughput.
// Efficiency is the limit's processor time over Muster's, turn by turn.
//
// What a create costs depends on how many share a disk sync. The limit is
// therefore measured twice: "create" is against a limit that also lets the
// creates that wait share one commit, the hardest to reach; "create, a sync
// each" is against one that commits each by itself, which is what a server
// written in an afternoon would do. The limit answers a create from memory and
// has nothing to fold afterwards; Muster's time has both in it.
//
// # Claims
//
// The other figures compare Muster with itself: the dashboard with 100 times as
// many members, a page in the middle of the list with the first, group commit
// with one sync for each write, memory early and late in an import; or with a
// number: searches, the rate of imports, memory while serving.
//
// Nothing here fails because of time: figures are printed, and those that do
// not reach what they should are marked. On a machine that does something else
// as well, look at the ratios and not at the rest. Members are made once for
// each size and kept in the cache folder of the user, until the code that makes
// them changes.
//
// The drivers were compared in bench/drivers, a module of its own.
package main
