package main

import (
	"io"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/stretchr/testify/require"
	"github.com/tonistiigi/fsutil"
	fstypes "github.com/tonistiigi/fsutil/types"
	"google.golang.org/grpc/metadata"
)

func TestExportsAreNumberedAsTheDaemonNumbersThem(t *testing.T) {
	file := func(map[string]string) (io.WriteCloser, error) { return nil, nil }
	r, others := newExportReceiver([]client.ExportEntry{
		{Type: client.ExporterLocal, OutputDir: "a", Attrs: map[string]string{"mode": "delete"}},
		{Type: client.ExporterImage},
		{Type: client.ExporterTar, Output: file},
		{Type: client.ExporterOCI, OutputDir: "layout"},
		{Type: client.ExporterLocal, OutputDir: "b"},
	}, func() {}, func(error) {})
	require.Len(t, others, 2)
	require.Equal(t, map[string]exportDir{"2": {"a", true}, "4": {"b", false}}, r.dirs)
	var types []string
	for _, e := range r.exports {
		types = append(types, e.Type)
	}
	require.Equal(t, []string{"local", "tar", "local"}, types)
}

func TestADaemonThatKnowsOneExportSendsNoNumber(t *testing.T) {
	r, _ := newExportReceiver([]client.ExportEntry{{Type: client.ExporterLocal, OutputDir: "a"}}, func() {}, func(error) {})
	for id, want := range map[string]string{"": "a", "0": "a", "1": ""} {
		of := metadata.MD{}
		if id != "" {
			of.Set("buildkit-attachable-exporter-id", id)
		}
		require.Equal(t, want, r.dirs[exporterID(of)].dir, id)
	}
}

// recordingStream is a stream that records what is sent.
type recordingStream struct {
	fsutil.Stream
	sent []*fstypes.Packet
	next fstypes.Packet
}

func (r *recordingStream) SendMsg(m any) error {
	r.sent = append(r.sent, m.(*fstypes.Packet))
	return nil
}

func (r *recordingStream) RecvMsg(m any) error {
	p := m.(*fstypes.Packet)
	p.Type, p.Data = r.next.Type, r.next.Data
	return nil
}

func TestSoManyFilesAreAskedForAtOnce(t *testing.T) {
	stream := &recordingStream{}
	l := &fileRequestLimiter{Stream: stream}
	for id := range 3 * maxFileRequests {
		require.NoError(t, l.SendMsg(&fstypes.Packet{Type: fstypes.PACKET_REQ, ID: uint32(id)}))
	}
	require.Len(t, stream.sent, maxFileRequests)
	var got fstypes.Packet
	stream.next = fstypes.Packet{Type: fstypes.PACKET_DATA, Data: []byte("x")}
	require.NoError(t, l.RecvMsg(&got))
	require.Len(t, stream.sent, maxFileRequests, "a file that goes on")
	stream.next.Data = nil
	for done := range 2 * maxFileRequests {
		require.NoError(t, l.RecvMsg(&got))
		require.EqualValues(t, maxFileRequests+done, stream.sent[maxFileRequests+done].ID)
	}
	require.NoError(t, l.SendMsg(&fstypes.Packet{Type: fstypes.PACKET_FIN}))
	require.Len(t, stream.sent, 3*maxFileRequests+1)
}
