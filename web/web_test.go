package web_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"almenara.example/web"
)

const vendor = "static/vendor"

func TestVendoredFilesAreTheOnesThatWereChecked(t *testing.T) {
	list, err := fs.ReadFile(web.Static, vendor+"/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for lines := bufio.NewScanner(bytes.NewReader(list)); lines.Scan(); {
		sum, name, _ := strings.Cut(lines.Text(), "  ./")
		body, err := fs.ReadFile(web.Static, vendor+"/"+name)
		if err != nil {
			t.Errorf("listed and missing: %v", err)
			continue
		}
		got := sha256.Sum256(body)
		if hex.EncodeToString(got[:]) != sum {
			t.Errorf("%s: got SHA-256 %x, want %s", name, got, sum)
		}
		listed[name] = true
	}
	err = fs.WalkDir(web.Static, vendor, func(path string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, vendor+"/")
		if err == nil && !d.IsDir() && name != "SHA256SUMS" && !listed[name] {
			t.Errorf("%s: got a file that is not listed in SHA256SUMS", name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEveryVendoredFolderHasItsLicence(t *testing.T) {
	for _, folder := range []string{"tabler", "icons", "htmx", "echarts"} {
		if _, err := fs.Stat(web.Static, vendor+"/"+folder+"/LICENSE"); err != nil {
			t.Errorf("%s: %v", folder, err)
		}
	}
}

// The policy allows no data: address and nothing from elsewhere.
func TestStyleSheetsLoadNothingFromOutside(t *testing.T) {
	outside := regexp.MustCompile(`(?i)url\(\s*["']?(data:|https?:|//)|@import`)
	err := fs.WalkDir(web.Static, "static", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".css") {
			return err
		}
		body, err := fs.ReadFile(web.Static, path)
		if found := outside.Find(body); found != nil {
			t.Errorf("%s: got %q", path, found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheLayoutHasNoInlineStyleOrScript(t *testing.T) {
	inline := regexp.MustCompile(`(?i)\sstyle=|\son[a-z]+=|<style|<script>|hx-on|javascript:`)
	files, err := fs.Glob(web.Layout, "layout/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		body, err := fs.ReadFile(web.Layout, name)
		if err != nil {
			t.Fatal(err)
		}
		if found := inline.Find(body); found != nil {
			t.Errorf("%s: got %q", name, found)
		}
	}
}

// Each icon named in the layout is in the sprite.
func TestEveryIconOfTheLayoutIsDrawn(t *testing.T) {
	sprite, err := fs.ReadFile(web.Static, vendor+"/icons/sprite.svg")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile(`\{\{icon "([a-z-]+)"\}\}`)
	files, err := fs.Glob(web.Layout, "layout/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		body, err := fs.ReadFile(web.Layout, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllSubmatch(body, -1) {
			if !bytes.Contains(sprite, []byte(`id="`+string(m[1])+`"`)) {
				t.Errorf("%s: got icon %q, which the sprite lacks", name, m[1])
			}
		}
	}
}
