package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/musterhq/muster/engine/postgres"
	"github.com/musterhq/muster/session"
)

type statusCmd struct {
	Store
	Replicas
	Format
}

func (s statusCmd) Run(ctx context.Context, c console) error {
	nodes, err := s.nodes(ctx)
	if err != nil {
		return err
	}
	list := make([]nodeStatus, len(nodes))
	for i, n := range nodes {
		list[i] = nodeStatus{n, n.Problem}
	}
	err = s.print(c, map[string][]nodeStatus{"nodes": list}, table("NODE\tROLE\tLAG\tTIMELINE\tCONNECTIONS\tSTATE", nodes, nodeRow))
	for _, n := range nodes {
		if !n.Healthy && err == nil {
			err = errFound
		}
	}
	return err
}

func (s statusCmd) nodes(ctx context.Context) (nodes []session.Node, err error) {
	o := openOptions{replicas: s.replicas()}
	if s.Database == "" {
		err = s.with(ctx, o, func(opened *store) error {
			nodes = opened.engine.Nodes()
			return nil
		})
		return nodes, err
	}
	options, err := s.options(o)
	if err != nil {
		return nil, err
	}
	if nodes, err = postgres.Probe(ctx, options); err != nil {
		return nil, withFlag(err)
	}
	return nodes, nil
}

func nodeRow(n session.Node) string {
	lag := time.Duration(n.Lag * float64(time.Second)).Round(time.Millisecond)
	state := "good"
	if !n.Healthy {
		state = strings.ReplaceAll(n.Problem, "\n", " ")
	}
	return fmt.Sprintf("%s\t%s\t%s\t%d\t%d/%d\t%s", n.Name, n.Role, lag, n.Timeline, n.Pool.InUse, n.Pool.Size, state)
}

// nodeStatus is a node with what only its administrator may see.
type nodeStatus struct {
	session.Node
	Problem string `json:"problem,omitempty"`
}
