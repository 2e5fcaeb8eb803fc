// Runs digitalocean/go-libvirt as a client of the benchmark. Arguments: the socket of libvirtd, and the UUID of a domain.
package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/digitalocean/go-libvirt"
	"github.com/digitalocean/go-libvirt/socket/dialers"
)

type task struct {
	Task     string
	Call     string
	Count    int
	Inflight int
	Bytes    uint64
}

type result struct {
	Seconds float64   `json:"seconds"`
	CPU     float64   `json:"cpu"`
	Times   []float64 `json:"times"`
}

type client struct {
	path     string
	conn     *libvirt.Libvirt
	calls    map[string]func() error
	testConn *libvirt.Libvirt
	events   atomic.Int64
}

func main() {
	c, err := newClient(os.Args[1], os.Args[2])
	check(err)
	fmt.Println(`{"ready":true}`)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var t task
		check(json.Unmarshal(lines.Bytes(), &t))
		r, err := c.run(t)
		check(err)
		check(json.NewEncoder(os.Stdout).Encode(r))
	}
}

func newClient(path, uuidText string) (*client, error) {
	conn, err := open(path, libvirt.QEMUSystem)
	if err != nil {
		return nil, err
	}
	var uuid libvirt.UUID
	if _, err := hex.Decode(uuid[:], []byte(strings.ReplaceAll(uuidText, "-", ""))); err != nil {
		return nil, err
	}
	dom, err := conn.DomainLookupByUUID(uuid)
	if err != nil {
		return nil, err
	}
	calls := map[string]func() error{
		"version":      func() error { _, err := conn.ConnectGetLibVersion(); return err },
		"lookup":       func() error { _, err := conn.DomainLookupByUUID(uuid); return err },
		"info":         func() error { _, _, _, _, _, err := conn.DomainGetInfo(dom); return err },
		"capabilities": func() error { _, err := conn.ConnectGetCapabilities(); return err },
		"dumpxml":      func() error { _, err := conn.DomainGetXMLDesc(dom, 0); return err },
		"list":         func() error { _, _, err := conn.ConnectListAllDomains(1, 0); return err },
		"stats":        func() error { _, err := conn.ConnectGetAllDomainStats(nil, 0, 0); return err },
	}
	return &client{path: path, conn: conn, calls: calls}, nil
}

func open(path string, uri libvirt.ConnectURI) (*libvirt.Libvirt, error) {
	conn := libvirt.NewWithDialer(dialers.NewLocal(dialers.WithSocket(path)))
	return conn, conn.ConnectToURI(uri)
}

func (c *client) run(t task) (result, error) {
	switch t.Task {
	case "calls":
		return c.runCalls(c.calls[t.Call], t.Count, t.Inflight)
	case "listen":
		return result{Times: []float64{}}, c.startListening()
	case "events":
		return c.runEvents(t.Count, t.Inflight)
	case "download", "upload":
		return c.transfer(t.Task, t.Bytes)
	}
	return result{}, fmt.Errorf("no task %q", t.Task)
}

func (c *client) runCalls(call func() error, count, inflight int) (result, error) {
	return runParallel(inflight, func() ([]float64, error) {
		times := make([]float64, 0, count/inflight)
		for range count / inflight {
			begin := time.Now()
			if err := call(); err != nil {
				return nil, err
			}
			times = append(times, math.Round(float64(time.Since(begin).Nanoseconds())/100)/10)
		}
		return times, nil
	})
}

func (c *client) startListening() error {
	if c.testConn == nil {
		conn, err := open(c.path, libvirt.TestDefault)
		if err != nil {
			return err
		}
		events, err := conn.LifecycleEvents(context.Background())
		if err != nil {
			return err
		}
		c.testConn = conn
		go func() {
			for range events {
				c.events.Add(1)
			}
		}()
	}
	c.events.Store(0)
	return nil
}

func (c *client) runEvents(count, inflight int) (result, error) {
	return runParallel(inflight, func() ([]float64, error) {
		times := []float64{}
		for c.events.Load() < int64(count) {
			version, err := c.testConn.ConnectGetLibVersion()
			if err != nil {
				return nil, err
			}
			times = append(times, float64(version))
		}
		return times, nil
	})
}

func (c *client) transfer(kind string, bytes uint64) (result, error) {
	pool, err := c.conn.StoragePoolLookupByName("bench")
	if err != nil {
		return result{}, err
	}
	vol, err := c.conn.StorageVolLookupByName(pool, "bench")
	if err != nil {
		return result{}, err
	}
	return runParallel(1, func() ([]float64, error) {
		if kind == "download" {
			count := &counter{}
			err := c.conn.StorageVolDownload(vol, count, 0, bytes, 0)
			if err == nil && count.bytes != bytes {
				err = fmt.Errorf("%d bytes of %d arrived", count.bytes, bytes)
			}
			return []float64{}, err
		}
		return []float64{}, c.conn.StorageVolUpload(vol, io.LimitReader(endlessData{}, int64(bytes)), 0, bytes, 0)
	})
}

// runParallel runs `body` in `inflight` goroutines at once and measures the cost of all together.
func runParallel(inflight int, body func() ([]float64, error)) (result, error) {
	times := make([][]float64, inflight)
	errs := make([]error, inflight)
	var group sync.WaitGroup
	cpu, begin := cpuMicroseconds(), time.Now()
	for i := range inflight {
		group.Go(func() { times[i], errs[i] = body() })
	}
	group.Wait()
	r := result{Seconds: time.Since(begin).Seconds(), CPU: cpuMicroseconds() - cpu, Times: []float64{}}
	for i := range inflight {
		if errs[i] != nil {
			return r, errs[i]
		}
		r.Times = append(r.Times, times[i]...)
	}
	return r, nil
}

type counter struct{ bytes uint64 }

func (c *counter) Write(p []byte) (int, error) { c.bytes += uint64(len(p)); return len(p), nil }

// endlessData gives an upload as many bytes as it reads; their values do not matter.
type endlessData struct{}

func (endlessData) Read(p []byte) (int, error) { return len(p), nil }

func cpuMicroseconds() float64 {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1000
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
