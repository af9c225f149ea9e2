package postgrestest

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of processor time in /proc, the same on every Linux.
const tick = 10 * time.Millisecond

// CPU returns the processor time that the server and its processes have spent,
// including those that have ended.
func (s *Server) CPU() (time.Duration, error) {
	pid := s.process.Process.Pid
	sum := int64(0)
	for _, p := range append(children(pid), pid) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
		if err != nil {
			continue // it has just ended: the server has its time
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		const first, last = 11, 14 // utime, stime, and those of children that have ended
		if len(fields) <= last {
			return 0, fmt.Errorf("the processor time of %d is missing", p)
		}
		for _, field := range fields[first : last+1] {
			n, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("reading the processor time of %d: %w", p, err)
			}
			sum += n
		}
	}
	return time.Duration(sum) * tick, nil
}
