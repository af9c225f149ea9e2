package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const memoryReach = 150 // megabytes that a process may hold

// process is a server that runs.
type process struct {
	cmd     *exec.Cmd
	address string
}

var (
	where    = regexp.MustCompile(`http://(127\.0\.0\.1:\d+)`)
	errStart = errors.New("the server did not start; run it by hand to see why")
)

// start runs a server that prints its address, and waits until it is ready. Its
// log goes nowhere.
func start(ctx context.Context, name string, args ...string) (*process, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	p := &process{cmd: cmd}
	lines := bufio.NewScanner(out)
	for p.address == "" && lines.Scan() {
		if found := where.FindStringSubmatch(lines.Text()); found != nil {
			p.address = found[1]
		}
	}
	if p.address == "" {
		return nil, errors.Join(fmt.Errorf("%w: %s %s", errStart, name, strings.Join(args, " ")), cmd.Wait())
	}
	if err := p.wait(ctx); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

func (p *process) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+"/readyz", http.NoBody)
		if err != nil {
			return fmt.Errorf("asking whether the server is ready: %w", err)
		}
		if answer, err := http.DefaultClient.Do(r); err == nil {
			_ = answer.Body.Close() // it is not read
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return errStart
		case <-again.C:
		}
	}
}

// stop ends the server and waits for its end.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping a server: %w", err)
	}
	_ = p.cmd.Wait() // it was measured; how it ended says nothing
	return nil
}

// tick is the unit of processor time in /proc, the same on every Linux.
const tick = 10 * time.Millisecond

// cpu is the processor time that a process has spent, in its own code and in the
// kernel for it.
func cpu(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("reading the processor time: %w", err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const user, system = 11, 12 // counted from the field after the name
	if len(fields) <= system {
		return 0, fmt.Errorf("the processor time of %d is not there", pid)
	}
	u, err1 := strconv.ParseInt(fields[user], 10, 64)
	s, err2 := strconv.ParseInt(fields[system], 10, 64)
	return time.Duration(u+s) * tick, errors.Join(err1, err2)
}

// memory is what a process holds now, and the most that it has held, in MB.
func memory(pid int) (now, most float64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("reading the memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kB, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
		switch name {
		case "VmRSS":
			now = kB / 1000 * 1.024
		case "VmHWM":
			most = kB / 1000 * 1.024
		}
	}
	return now, most, nil
}
