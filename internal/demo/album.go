package demo

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math"
)

// An object is the content of a photo or document.
type object struct {
	body          []byte
	sha256        string
	contentType   string
	extension     string
	width, height int // of a picture
}

func newObject(body []byte, contentType, extension string) object {
	sum := sha256.Sum256(body)
	return object{body: body, sha256: hex.EncodeToString(sum[:]), contentType: contentType, extension: extension}
}

// The pictures show each sitter in each pose; members share them. The first half of
// the sitters has long hair.
const (
	sitters   = 12
	poses     = 4
	albumSize = sitters * poses
	width     = 480
	height    = 640
	quality   = 80
)

// draw draws the n-th picture of the album: somebody without a face, in front of
// something bright.
func draw(seed uint64, n int) (object, error) {
	sit := newSitter(newDice(seed, -1-n/poses), n < albumSize/2)
	back := newBackground(newDice(seed, -1-sitters-n))
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			px, py := float64(x)/width, float64(y)/width
			c, ok := sit.at(px-back.lean, py)
			if !ok {
				c = back.at(px, py)
			}
			img.SetRGBA(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality}); err != nil {
		return object{}, fmt.Errorf("drawing a photo: %w", err)
	}
	o := newObject(b.Bytes(), "image/jpeg", "jpg")
	o.width, o.height = width, height
	return o, nil
}

// A sitter is the person in a picture. Lengths are in widths of the picture.
type sitter struct {
	skin, hair, coat hue
	long             bool // hair
}

type hue [3]float64

func newSitter(d dice, long bool) sitter {
	return sitter{
		skin: fromHue(0.06+0.03*d.Float64(), 0.3+0.3*d.Float64(), 0.55+0.4*d.Float64()),
		hair: fromHue(0.07*d.Float64(), 0.5*d.Float64(), 0.12+0.35*d.Float64()),
		coat: fromHue(d.Float64(), 0.6, 0.35+0.4*d.Float64()),
		long: long,
	}
}

// at returns the colour of a point, from the front to the back, if the sitter covers
// it.
func (s *sitter) at(x, y float64) (c color.RGBA, ok bool) {
	switch {
	case y < 0.3:
		return c, false
	case ellipse(x, y, 0.56, 0.15, 0.19) < 1:
		return s.skin.rgba(1.05 - 0.35*(x-0.35)), true
	case ellipse(x, y, 0.53, 0.19, 0.225) < 1 || s.long && y < 0.85 && ellipse(x, y, 0.7, 0.2, 0.3) < 1:
		return s.hair.rgba(1 + 0.3*math.Sin(40*x)*math.Sin(9*y)), true
	case ellipse(x, y, 0.78, 0.07, 0.12) < 1:
		return s.skin.rgba(0.8), true
	case ellipse(x, y, 1.2, 0.38, 0.36) < 1:
		return s.coat.rgba(1 + 0.12*math.Sin(x*60) + 0.2*(0.5-x)), true
	}
	return c, false
}

// A background is what is behind a sitter, and how far the sitter leans.
type background struct {
	top, bottom hue
	dx, dy      float64 // the direction of the waves
	lean        float64
}

func newBackground(d dice) background {
	base, turn, waves := d.Float64(), d.Float64(), 2*math.Pi*float64(d.between(2, 9))
	return background{
		top:    fromHue(base, 0.35, 0.95),
		bottom: fromHue(base+0.12+0.2*d.Float64(), 0.55, 0.75),
		dx:     waves * math.Cos(2*math.Pi*turn), dy: waves * math.Sin(2*math.Pi*turn),
		lean: 0.1 * (d.Float64() - 0.5),
	}
}

func (b *background) at(x, y float64) color.RGBA {
	return b.top.mix(b.bottom, y*width/height).rgba(1 + 0.06*math.Sin(b.dx*x+b.dy*y))
}

// ellipse returns less than 1 for a point inside an ellipse, which is centred
// horizontally.
func ellipse(x, y, cy, rx, ry float64) float64 {
	dx, dy := (x-0.5)/rx, (y-cy)/ry
	return dx*dx + dy*dy
}

func (h hue) mix(other hue, share float64) hue {
	for i := range h {
		h[i] += (other[i] - h[i]) * share
	}
	return h
}

func (h hue) rgba(light float64) color.RGBA {
	level := func(v float64) uint8 { return uint8(255 * min(max(v*light, 0), 1)) }
	return color.RGBA{level(h[0]), level(h[1]), level(h[2]), 255}
}

// fromHue returns the colour at a place of the colour wheel, from 0 to 1.
func fromHue(at, saturation, value float64) hue {
	var h hue
	for i, shift := range [3]float64{5, 3, 1} {
		k := math.Mod(shift+6*at, 6)
		h[i] = value * (1 - saturation*max(0, min(k, 4-k, 1)))
	}
	return h
}
