package runner

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// outputPatience is how long a command's output is read after the command has
// exited, when something that it left behind still holds the pipe.
const outputPatience = time.Second

// output reads one stream of one command.
type output struct {
	pipe *os.File
	sink io.Writer
	done chan struct{} // closed when the sink gets nothing more
}

// spawn runs a command with its standard output and error going to the sinks and
// extra, if not nil, as its descriptor 3. When it returns, the sinks have all that
// the command printed and are not touched any more.
func (b *build) spawn(ctx context.Context, c command, extra *os.File, stdout, stderr io.Writer) (exit, error) {
	outputs, err := b.openOutputs(&c, stdout, stderr)
	if extra != nil {
		c.files = append(c.files, extra)
	}
	if err != nil {
		c.closeFiles()
		return exit{}, err
	}
	code, err := b.shim.run(ctx, c)
	deadline := time.Now().Add(outputPatience)
	for _, o := range outputs {
		_ = o.pipe.SetReadDeadline(deadline)
	}
	for _, o := range outputs {
		b.await(ctx, o)
	}
	return code, err
}

// await waits until the sink has all. Output that the house does not take holds a
// build that runs, but not one that was stopped.
func (b *build) await(ctx context.Context, o *output) {
	select {
	case <-o.done:
		return
	case <-ctx.Done():
	}
	select {
	case <-o.done:
	case <-time.After(2 * outputPatience):
		b.log.overflow(cutNotStored)
		<-o.done
	}
}

// openOutputs starts reading and gives the command its ends; one pipe serves both
// streams when they have one sink. What was opened before an error is in c.files.
func (b *build) openOutputs(c *command, stdout, stderr io.Writer) ([]*output, error) {
	sinks := []io.Writer{stdout, stderr}
	if stdout == stderr {
		sinks = sinks[:1]
	}
	var outputs []*output
	for _, sink := range sinks {
		r, w, err := pipe()
		if err != nil {
			return nil, err
		}
		widen(w)
		o := &output{pipe: r, sink: sink, done: make(chan struct{})}
		outputs = append(outputs, o)
		c.files = append(c.files, w)
		b.pipes = append(b.pipes, r)
		b.readers.Go(o.read)
	}
	if len(sinks) == 1 {
		c.files = append(c.files, c.files[0])
	}
	return outputs, nil
}

// closeOutputs ends the reading of what background processes held open.
func (b *build) closeOutputs() {
	for _, p := range b.pipes {
		_ = p.Close()
	}
	b.readers.Wait()
}

// read copies until the pipe ends or its deadline has passed. After that it goes on
// reading for nobody: a background process that a later step needs would die of a
// closed pipe.
func (o *output) read() {
	defer func() { _ = o.pipe.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := o.pipe.Read(buf)
		_, _ = o.sink.Write(buf[:n])
		if err == nil {
			continue
		}
		late := errors.Is(err, os.ErrDeadlineExceeded)
		if late {
			o.drain(buf)
		}
		if c, ok := o.sink.(io.Closer); ok {
			_ = c.Close()
		}
		close(o.done)
		if late && o.pipe.SetReadDeadline(time.Time{}) == nil {
			_, _ = io.Copy(io.Discard, o.pipe)
		}
		return
	}
}

// drain takes what lay in the pipe when the deadline passed: a house that was slow
// to take the log must not cost the end of it. The bound is the pipe's size.
func (o *output) drain(buf []byte) {
	raw, err := o.pipe.SyscallConn()
	if err != nil {
		return
	}
	for total := 0; total < 1<<20; {
		n := 0
		err := raw.Control(func(fd uintptr) { n, _ = syscall.Read(int(fd), buf) })
		if err != nil || n <= 0 {
			return
		}
		total += n
		_, _ = o.sink.Write(buf[:n])
	}
}
