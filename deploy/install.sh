#!/usr/bin/env bash
# Make the user, folders and keys of a production installation, and put its files in place. Run as root; harmless to repeat:
# nothing that is there is changed but the units.
set -euo pipefail
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || { echo "install: run as root" >&2; exit 1; }

getent passwd guahao >/dev/null || useradd --system --user-group --home-dir /var/lib/guahao --shell /usr/sbin/nologin guahao
install -d -m 755 -o root -g root /etc/guahao
install -d -m 700 -o root -g root /etc/guahao/owner
install -d -m 700 -o guahao -g guahao /etc/guahao/keys /etc/guahao/secrets /var/lib/guahao /var/backups/guahao
[ -e /etc/guahao/environment ] || install -m 644 environment /etc/guahao/environment

# Keys are made once and kept for ever: data sealed with a lost one is lost.
if [ -z "$(ls /etc/guahao/keys)" ]; then
  for name in sealing-1 blind pepper audit; do
    (umask 077 && openssl rand -hex 32 >"/etc/guahao/keys/$name.key")
    chown guahao:guahao "/etc/guahao/keys/$name.key"
  done
fi
# What serves, for the user guahao; what owns the tables and opens backups, for root alone.
made() { # file, content
  [ -e "$1" ] || (umask 077 && printf '%s\n' "$2" >"$1")
}
database() { echo "postgresql://$1:$(cat "$2")@127.0.0.1:5432/guahao"; }
made /etc/guahao/owner/database_password "$(openssl rand -hex 24)"
made /etc/guahao/owner/environment "GUAHAO_OWNER_DATABASE_URL=$(database guahao_owner /etc/guahao/owner/database_password)
GUAHAO_BACKUP_PASSPHRASE=$(openssl rand -hex 24)"
made /etc/guahao/secrets/database_serving "$(openssl rand -hex 24)"
made /etc/guahao/secrets/guahao_database_url "$(database guahao /etc/guahao/secrets/database_serving)"
chown guahao:guahao /etc/guahao/secrets/database_serving /etc/guahao/secrets/guahao_database_url

install -m 755 guahao /usr/local/bin/guahao
install -m 644 systemd/*.service systemd/*.timer /etc/systemd/system/
install -d /etc/systemd/journald.conf.d /etc/logrotate.d
install -m 644 logs/journald.conf /etc/systemd/journald.conf.d/guahao.conf
install -m 644 logs/logrotate /etc/logrotate.d/guahao
echo "install: done. Copy /etc/guahao/keys and /etc/guahao/owner to another place, apart from the backups."
