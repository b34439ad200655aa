#!/usr/bin/env bash
# What the test looks at once the guide has been followed.
until_ready http://127.0.0.1:8000/readyz
echo "== proof"
site=https://guahao.my-hospital.cn
ask() { curl -ksS --resolve guahao.my-hospital.cn:443:127.0.0.1 -o /dev/null -w '%{http_code}\n' "$@"; }
ask $site/livez
ask --head $site/livez
ask $site/api/v1/hospitals
ask $site/docs
ask $site/sandbox/sms
ask $site/metrics
ask $site/readyz/details
ask --http1.1 -H "X-Long: $(head -c 30000 /dev/zero | tr '\0' a)" $site/livez
tail -n 1 /var/log/nginx/guahao-access.log | python3 -c 'import json, sys; print(sorted(json.load(sys.stdin)))'
stat -c '%a %U %n' /etc/guahao/keys /etc/guahao/keys/blind.key /etc/guahao/secrets/guahao_database_url /var/lib/guahao /var/backups/guahao
runuser -u guahao -- ls /etc/guahao/owner 2>&1 || true
cat /proc/"$(cat /run/guahao-serve.pid)"/environ /proc/"$(cat /run/guahao-worker.pid)"/environ | grep -ac guahao_owner || true
PGPASSWORD=$(cat /etc/guahao/secrets/database_serving) psql -h 127.0.0.1 -U guahao guahao -c 'ALTER TABLE audit_entry DISABLE TRIGGER ALL' 2>&1 || true
ps -o user= -C guahao | sort -u || true
/opt/guahao/deploy/install.sh
guahao audit verify 2>&1 | tail -n 1
