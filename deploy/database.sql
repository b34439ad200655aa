-- Two roles: the owner changes tables (migrate, backup, restore), the other one serves and can do neither that nor rewrite the audit trail.
-- psql sets owner_password and serving_password.
CREATE ROLE guahao_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE guahao LOGIN PASSWORD :'serving_password';
CREATE DATABASE guahao OWNER guahao_owner ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8' TEMPLATE template0;
REVOKE ALL ON DATABASE guahao FROM PUBLIC;
GRANT CONNECT ON DATABASE guahao TO guahao;
