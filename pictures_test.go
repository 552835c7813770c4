//go:build pictures

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/gif"
	"image/png"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/oore-ci/oore/handlers/web/browsertest"
)

// TestPictures makes the pictures of the README from the program itself: a real browser
// goes the first steps on a real server, breaks the demo and looks why another branch was
// not built (`make pictures`).
func TestPictures(t *testing.T) {
	p := newProgram(t, "", nil, "OORE_RUNNERS=1").start()
	r := reader{t, browsertest.Open(t)}
	r.opens(regexp.MustCompile(`http://\S+/sign-in/\S+`).FindString(p.output.String()))
	r.sees(`location.pathname === "/setup"`)
	r.tabTo("#name")
	r.press("Sam\tsam@example.com\r")
	r.sees(`location.search === "?step=code"`)
	r.looks("light", 1100, 680)
	r.tabTo(`form[action="/setup/demo"] button`)
	film := []image.Image{r.picture()}
	r.press("\r")
	r.sees(`document.querySelector("#summary")`)
	for range 60 {
		film = append(film, r.picture())
		if r.says(`document.querySelector("#summary").dataset.status`) == "succeeded" {
			break
		}
		time.Sleep(350 * time.Millisecond)
	}
	animate(t, "docs/first-build.gif", append(film, r.picture()))

	var found struct{ Pipelines []pipelineView }
	p.must("GET", "/v1/search?q=checks", nil, &found)
	p.must("PATCH", "/v1/pipelines/"+found.Pipelines[0].ID, map[string]any{"trigger_config": map[string]any{"branches": []string{"main", "release/*"}}}, nil)
	r.tabTo(`button[name="broken"]`)
	r.press("\r")
	failed := func() (found string) {
		for _, b := range p.builds("status=failed") {
			found = b.ID
		}
		return found
	}
	eventually(t, "the demo breaks", func() bool { return failed() != "" })
	r.both(p.url+"/builds/"+failed(), "docs/build-page", `document.querySelector("#summary .alert")`)

	clone := filepath.Join(environment(p.env).lookup("OORE_DATA_DIR"), "demo", "shop")
	if out, err := exec.Command("git", "-C", clone, "push", "--quiet", "origin", "HEAD:refs/heads/docs/typo").CombinedOutput(); err != nil {
		t.Fatalf("push: %v: %s", err, out)
	}
	var list struct {
		Deliveries []struct{ ID, Ref, Status string }
	}
	eventually(t, "the push of another branch is judged", func() bool {
		p.must("GET", "/v1/deliveries", nil, &list)
		return list.Deliveries[0].Ref == "refs/heads/docs/typo" && list.Deliveries[0].Status == "ignored"
	})
	r.both(p.url+"/deliveries/"+list.Deliveries[0].ID, "docs/delivery-page", `document.querySelector("main h1")`)
}

func (r reader) opens(address string) {
	r.Helper()
	if err := chromedp.Do(r.ctx, chromedp.Navigate(address)); err != nil {
		r.Fatal(err)
	}
}

func (r reader) looks(theme string, width, height int64) {
	r.Helper()
	if err := chromedp.Do(r.ctx, chromedp.EmulateViewport(width, height)); err != nil {
		r.Fatal(err)
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}}}
	if _, err := chromedp.Call(r.ctx, emulation.SetEmulatedMedia, media); err != nil {
		r.Fatal(err)
	}
}

// both takes a page's picture in light and in dark.
func (r reader) both(address, file, ready string) {
	r.Helper()
	r.opens(address)
	r.sees(ready)
	for _, theme := range []string{"light", "dark"} {
		r.looks(theme, 1280, 960)
		picture := r.picture()
		var packed bytes.Buffer
		encoder := png.Encoder{CompressionLevel: png.BestCompression}
		if err := encoder.Encode(&packed, flat(picture, common(picture), picture.Bounds())); err != nil {
			r.Fatal(err)
		}
		keep(r, file+"-"+theme+".png", packed.Bytes())
	}
}

func (r reader) picture() image.Image {
	r.Helper()
	shot, err := chromedp.Run(r.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		r.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		r.Fatal(err)
	}
	return picture
}

func keep(t testing.TB, file string, data []byte) {
	t.Helper()
	if len(data) > 600<<10 {
		t.Errorf("%s has %d bytes", file, len(data))
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s %d KB\n", file, len(data)>>10)
}

// animate writes the pictures one after another, each as what changed since the one
// before, the last for longer.
func animate(t testing.TB, file string, film []image.Image) {
	t.Helper()
	palette, movie := common(film...), &gif.GIF{}
	for i, picture := range film {
		area := picture.Bounds()
		if i > 0 {
			if area = changedArea(film[i-1], picture); area.Empty() {
				movie.Delay[len(movie.Delay)-1] += 35
				continue
			}
		}
		movie.Image, movie.Delay = append(movie.Image, flat(picture, palette, area)), append(movie.Delay, 35)
		movie.Disposal = append(movie.Disposal, gif.DisposalNone)
	}
	movie.Delay[0], movie.Delay[len(movie.Delay)-1] = 200, 400
	var packed bytes.Buffer
	if err := gif.EncodeAll(&packed, movie); err != nil {
		t.Fatal(err)
	}
	keep(t, file, packed.Bytes())
}

// common are the colors that most pixels have; pages have few.
func common(pictures ...image.Image) color.Palette {
	count := map[color.RGBA]int{}
	for _, picture := range pictures {
		each(picture.Bounds(), func(x, y int) { count[rgba(picture, x, y)]++ })
	}
	colors := slices.SortedFunc(maps.Keys(count), func(a, b color.RGBA) int {
		return cmp.Or(count[b]-count[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	var palette color.Palette
	for _, c := range colors[:min(len(colors), 256)] {
		palette = append(palette, c)
	}
	return palette
}

func flat(picture image.Image, palette color.Palette, area image.Rectangle) *image.Paletted {
	out := image.NewPaletted(area, palette)
	draw.Draw(out, area, picture, area.Min, draw.Src)
	return out
}

func changedArea(was, is image.Image) (area image.Rectangle) {
	each(is.Bounds(), func(x, y int) {
		if rgba(was, x, y) != rgba(is, x, y) {
			area = area.Union(image.Rect(x, y, x+1, y+1))
		}
	})
	return area
}

func each(area image.Rectangle, visit func(x, y int)) {
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			visit(x, y)
		}
	}
}

func rgba(picture image.Image, x, y int) color.RGBA {
	return color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA)
}
