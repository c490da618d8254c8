package app

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Size is a number of bytes, written as "512MiB", "2GiB", "64KB" or a plain number.
type Size int64

// sizeUnits are the units, longest spelling first.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	t, unit := strings.TrimSpace(string(text)), int64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(t, u.name); ok {
			t, unit = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(t, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/unit {
		return fmt.Errorf("%q is not a size such as 512MiB", text)
	}
	*s = Size(n * unit)
	return nil
}

// UnmarshalTOML reads a size that is written as a plain number, too.
func (s *Size) UnmarshalTOML(v any) error {
	switch v := v.(type) {
	case int64:
		*s = Size(v)
		return nil
	case string:
		return s.UnmarshalText([]byte(v))
	}
	return fmt.Errorf("%v is not a size such as \"512MiB\"", v)
}

// MarshalText writes the size with the largest unit that divides it.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String writes the size with the largest unit that divides it.
func (s Size) String() string {
	out := strconv.FormatInt(int64(s), 10)
	for _, u := range sizeUnits[:4] {
		if s != 0 && int64(s)%u.bytes == 0 {
			out = strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return out
}

// overrideByEnv puts ALMENARA_… over the file: the key in capitals with "_" for
// ".", such as ALMENARA_TLS_CERTIFICATE. Lists are separated by commas.
func overrideByEnv(c *Config, getenv func(string) string) error {
	return overrideStruct(reflect.ValueOf(c).Elem(), "", getenv)
}

func overrideStruct(v reflect.Value, prefix string, getenv func(string) string) error {
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("toml")
		if key == "-" {
			continue
		}
		field, path := v.Field(i), prefix+key
		if field.Kind() == reflect.Struct {
			if err := overrideStruct(field, path+".", getenv); err != nil {
				return err
			}
			continue
		}
		name := "ALMENARA_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
		if text := getenv(name); text != "" {
			if err := setValue(field, text); err != nil {
				return &ConfigError{path, text, "from " + name + ": " + err.Error()}
			}
		}
	}
	return nil
}

func setValue(field reflect.Value, text string) error {
	if u, ok := field.Addr().Interface().(interface{ UnmarshalText([]byte) error }); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch field.Kind() {
	case reflect.String:
		field.SetString(text)
	case reflect.Slice:
		if field.Type().Elem().Kind() != reflect.String {
			return fmt.Errorf("it can be set in the file only")
		}
		var list []string
		for s := range strings.SplitSeq(text, ",") {
			list = append(list, strings.TrimSpace(s))
		}
		field.Set(reflect.ValueOf(list))
	default:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("it must be a whole number")
		}
		field.SetInt(n)
	}
	return nil
}

// Rough writes the size for people: "512 B", "1.4 GiB".
func (s Size) Rough() string {
	v, unit := float64(s), 0
	for v >= 1024 && unit < 4 {
		v, unit = v/1024, unit+1
	}
	if unit == 0 {
		return strconv.FormatInt(int64(s), 10) + " B"
	}
	return strconv.FormatFloat(v, 'f', 1, 64) + " " + []string{"B", "KiB", "MiB", "GiB", "TiB"}[unit]
}
