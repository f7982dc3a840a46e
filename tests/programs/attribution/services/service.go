// A service on net/http with the default client's transport. `service PORT`. What a request asks for
// is told in job.py; `par` and `helper` call on goroutines, `late` on one that outlives the handler.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const tries = 3

var upstream, after, timer = os.Getenv("UPSTREAM"), os.Getenv("AFTER"), os.Getenv("TIMER")

type call struct {
	think time.Duration
	path  string
}

func get(path string) {
	for left := tries; left > 0; left-- {
		response, err := http.Get(upstream + path)
		if err != nil {
			continue
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusServiceUnavailable {
			return
		}
	}
}

func seq(calls []call) {
	for _, one := range calls {
		time.Sleep(one.think)
		get(one.path)
	}
}

func par(calls []call) {
	var group sync.WaitGroup
	for index := range calls {
		group.Add(1)
		go func(part []call) {
			defer group.Done()
			seq(part)
		}(calls[index : index+1])
	}
	group.Wait()
}

func handle(answer http.ResponseWriter, request *http.Request) {
	number := strings.Split(request.URL.Path, "/")[2]
	mode := request.URL.Query().Get("mode")
	base := "/call"
	if mode == "late" {
		base = after
	}
	var thinks []time.Duration
	for _, word := range strings.Split(request.URL.Query().Get("think"), ",") {
		milliseconds, _ := strconv.Atoi(word)
		thinks = append(thinks, time.Duration(milliseconds)*time.Millisecond)
	}
	var calls []call
	last := len(thinks) - 1
	for index, think := range thinks[:last] {
		calls = append(calls, call{think, fmt.Sprintf("%s/%s/%d", base, number, index)})
	}
	switch mode {
	case "seq":
		seq(calls)
	case "late":
	default:
		par(calls)
	}
	time.Sleep(thinks[last])
	fmt.Fprintln(answer, "done")
	if mode == "late" {
		go func() {
			time.Sleep(time.Millisecond)
			seq(calls)
		}()
	}
}

func poll() {
	every, _ := strconv.Atoi(os.Getenv("EVERY"))
	for count := 1; ; count++ {
		time.Sleep(time.Duration(every) * time.Millisecond)
		get(fmt.Sprintf("%s/%d", timer, count))
	}
}

func main() {
	go poll()
	http.HandleFunc("/work/", handle)
	if err := http.ListenAndServe("127.0.0.1:"+os.Args[1], nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
