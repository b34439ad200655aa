#!/usr/bin/env bash
# Make the user, folders and keys of a production installation, and put its files in place. Run as root; harmless to repeat:
# nothing that is there is changed but the units.
set -euo pipefail
cd "$(dirname "$0")"
[ "$(id -u)" = 0 ] || { echo "install: run as root" >&2; exit 1; }

getent passwd guahao >/dev/null || useradd --system --user-group --home-dir /var/lib/guahao --shell /usr/sbin/nologin guahao
install -d -m 755 -o root -g root /etc/guahao
install -d -m 700 -o guahao -g guahao /etc/guahao/keys /etc/guahao/secrets /var/lib/guahao /var/backups/guahao
[ -e /etc/guahao/environment ] || install -m 644 environment /etc/guahao/environment

# Keys are made once and kept for ever: data sealed with a lost one is lost.
if [ -z "$(ls /etc/guahao/keys)" ]; then
  for name in sealing-1 blind pepper audit; do
    (umask 077 && openssl rand -hex 32 >"/etc/guahao/keys/$name.key")
    chown guahao:guahao "/etc/guahao/keys/$name.key"
  done
fi
for name in owner serving; do # passwords of the two database roles
  file=/etc/guahao/secrets/database_$name
  [ -e "$file" ] || (umask 077 && openssl rand -hex 24 >"$file" && chown guahao:guahao "$file")
done
secret() { # name, content: a secret of the settings, as a private file
  local file=/etc/guahao/secrets/$1
  [ -e "$file" ] || (umask 077 && printf '%s\n' "$2" >"$file" && chown guahao:guahao "$file")
}
secret guahao_database_url "postgresql://guahao:$(cat /etc/guahao/secrets/database_serving)@127.0.0.1:5432/guahao"
secret guahao_owner_database_url "postgresql://guahao_owner:$(cat /etc/guahao/secrets/database_owner)@127.0.0.1:5432/guahao"
secret guahao_backup_passphrase "$(openssl rand -hex 24)"

install -m 755 guahao /usr/local/bin/guahao
install -m 644 systemd/*.service systemd/*.timer /etc/systemd/system/
install -d /etc/systemd/journald.conf.d /etc/logrotate.d
install -m 644 logs/journald.conf /etc/systemd/journald.conf.d/guahao.conf
install -m 644 logs/logrotate /etc/logrotate.d/guahao
echo "install: done. Copy /etc/guahao/keys and the backup passphrase to another place, apart from the backups."
