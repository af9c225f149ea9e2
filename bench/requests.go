package main

import (
	"fmt"
	"strings"
	"sync/atomic"
)

// get is the bytes of a request that has no body.
func get(path, token string) []byte {
	return fmt.Appendf(nil, "GET /api/v1/admin%s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n\r\n", path, token)
}

// always asks the same.
func always(request []byte) func(int) requester {
	return func(int) requester {
		return func() []byte { return request }
	}
}

// inTurn asks one after the other, each connection from another place on.
func inTurn(requests [][]byte) func(int) requester {
	return func(connection int) requester {
		n := connection * 7919
		return func() []byte {
			n++
			return requests[n%len(requests)]
		}
	}
}

// phones counts the phones that were given out: 8 digits after 010, of ranges
// that no demonstration member has.
type phones struct{ last atomic.Int64 }

const firstPhone = 20_000_000

func (p *phones) next() int64 { return firstPhone + p.last.Add(1) }

// creating makes members who differ in their phone and are otherwise plain: a
// user and a profile.
func (p *phones) creating(token string) func(int) requester {
	const body = `{"phone":"+8210########","name":"김바다","gender":"female","birth_year":1992,` +
		`"profile":{"height":168,"education":"bachelor","occupation":"architect","income":52000000,"region":"Seoul","introduction":"만나서 반갑습니다."}}`
	return func(int) requester {
		request := fmt.Appendf(nil, "POST /api/v1/admin/members HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", token, len(body), body)
		at := strings.Index(string(request), "########")
		return func() []byte {
			n := p.next()
			for i := 7; i >= 0; i-- {
				request[at+i] = byte('0' + n%10)
				n /= 10
			}
			return request
		}
	}
}
