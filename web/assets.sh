#!/bin/sh
# Refreshes the vendored browser assets from npm at exact versions, then rewrites
# vendor/VERSIONS and vendor/SHA256SUMS. Needs npm, node and tar. Run it from
# anywhere: web/assets.sh. A new version is a change of the list below.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
out=$here/static/vendor
axe=$here/../test/browser/vendor
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

pack() { # name version folder
	(cd "$work" && npm pack --silent "$1@$2" >/dev/null)
	mkdir -p "$work/$3"
	tar -xzf "$work"/"$(echo "$1" | sed 's/^@//; s,/,-,')-$2.tgz" -C "$work/$3" --strip-components=1
}

pack @tabler/core 1.6.1 tabler
pack @tabler/icons 3.51.0 icons
pack htmx.org 4.0.1 htmx
pack echarts 6.1.0 echarts
pack axe-core 4.14.1 axe

rm -rf "$out" "$axe"
mkdir -p "$out/tabler" "$out/htmx" "$out/echarts" "$out/icons" "$axe"

node "$here/assets.mjs" "$work" "$out" "$here/icons.txt"

cp "$work/htmx/dist/htmx.min.js" "$out/htmx/"
cp "$work/htmx/LICENSE" "$out/htmx/LICENSE"
cp "$work/echarts/dist/echarts.common.min.js" "$out/echarts/"
cp "$work/echarts/LICENSE" "$work/echarts/NOTICE" "$out/echarts/"
cp "$work/icons/LICENSE" "$out/icons/LICENSE"
cp "$here/tabler-LICENSE.txt" "$out/tabler/LICENSE"
cp "$work/axe/axe.min.js" "$axe/"
cp "$work/axe/LICENSE" "$axe/LICENSE"
cp "$work/axe/LICENSE-3RD-PARTY.txt" "$axe/LICENSE-3RD-PARTY.txt"

cat >"$out/VERSIONS" <<END
@tabler/core 1.6.1 MIT (CSS only; data: images taken out into files; dark rules repeated for "as the system")
@tabler/icons 3.51.0 MIT (the icons named in web/icons.txt, as one sprite)
htmx.org 4.0.1 0BSD
echarts 6.1.0 Apache-2.0 (common build)
END
echo "axe-core 4.14.1 MPL-2.0 (tests only)" >"$axe/VERSIONS"

for dir in "$out" "$axe"; do
	(cd "$dir" && find . -type f ! -name SHA256SUMS | LC_ALL=C sort | xargs sha256sum >SHA256SUMS)
done
