#!/bin/sh
# Install what the tests need besides Go: Chromium, PostgreSQL, GnuPG and Dovecot (an
# IMAP server). Does nothing when all are there; without the right to install, says exactly what to do.
set -eu

missing=""
have_pg=no
for p in /usr/lib/postgresql/*/bin/postgres; do
	[ -x "$p" ] && have_pg=yes
done
command -v initdb >/dev/null 2>&1 && have_pg=yes
[ -n "${ALMENARA_TEST_POSTGRES:-}" ] && have_pg=yes
[ "$have_pg" = yes ] || missing="$missing postgresql"

have_chromium=no
for c in chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable; do
	command -v "$c" >/dev/null 2>&1 && have_chromium=yes
done
[ "$have_chromium" = yes ] || missing="$missing chromium"

command -v gpg >/dev/null 2>&1 || missing="$missing gnupg"
command -v openssl >/dev/null 2>&1 || missing="$missing openssl"
command -v dovecot >/dev/null 2>&1 || [ -x /usr/sbin/dovecot ] || missing="$missing dovecot-imapd"

sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo -n"
may_install() { $sudo true 2>/dev/null; }
install() { DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }

# Chromium without its windows is faster. Debian has it; elsewhere, and where it cannot
# be had just now, the whole one does.
light=chromium-headless-shell
if ! command -v $light >/dev/null 2>&1 && grep -q '^ID=debian' /etc/os-release 2>/dev/null && may_install; then
	if install $light 2>/dev/null || { $sudo apt-get update -qq && install $light; }; then
		missing=$(echo "$missing" | sed 's/ chromium//')
	fi
fi

[ -z "$missing" ] && exit 0

if ! may_install; then
	echo "error: the tests need$missing, and this user may not install it" >&2
	echo "hint: sudo apt-get install --no-install-recommends$missing" >&2
	exit 1
fi
if ! command -v apt-get >/dev/null 2>&1; then
	echo "error: the tests need$missing, and there is no apt-get here" >&2
	echo "hint: install the PostgreSQL server programs, Chromium, GnuPG and Dovecot with your system's package manager" >&2
	exit 1
fi
echo "installing:$missing"
# The packages start no server: the tests start their own. Where a policy is
# already set, it stays.
policy=/usr/sbin/policy-rc.d
if echo "$missing" | grep -q dovecot && [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
	$sudo chmod 0755 "$policy"
	trap '$sudo rm -f "$policy"' EXIT
fi
if echo "$missing" | grep -q postgresql; then
	$sudo mkdir -p /etc/postgresql-common
	[ -e /etc/postgresql-common/createcluster.conf ] ||
		echo "create_main_cluster = false" | $sudo tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
$sudo apt-get update -qq
# shellcheck disable=SC2086 # a list of words
install $missing
