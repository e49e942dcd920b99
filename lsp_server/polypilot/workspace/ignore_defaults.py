"""What is never sent unless the user says so: names that usually hold secrets.

Patterns are gitignore's; the last that matches decides, at any depth. The user may allow
one again with ``!pattern`` in ``privacy.exclude``; a workspace can't.
"""

from __future__ import annotations

FILES: tuple[str, ...] = (
    # environment files
    ".env*", "*.env", "*.env.*", ".dev.vars*", ".envrc",
    # keys and certificates
    "*.key", "*.pem", "*.p8", "*.p12", "*.pfx", "*.pkcs12", "*.crt", "*.cer", "*.cert", "*.der",
    "*.jks", "*.keystore", "*.truststore", "*.bks", "*.ppk", "*.gpg", "*.pgp", "*.kdbx", "*.kdb",
    "*.ovpn", "*.mobileprovision", "*.keychain", "*.keychain-db", "*.agekey",
    "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", "!id_*.pub", "ssh_host_*_key",
    "authorized_keys", "known_hosts",
    # databases and what was kept of older files
    "*.db", "*.sqlite", "*.sqlite3", "*.mdb", "*.accdb", "*.bak", "*.backup", "*.old", "*.orig",
    # files named for their purpose
    "*.secret", "*.secrets", "*.token", "auth.json", "appsettings*.json",
    "secrets.json", "secrets.toml", "secrets.yml", "secrets.yaml", "secrets.ini",
    "secrets.properties",
    "*.secrets.json", "*.secrets.toml", "*.secrets.yml", "*.secrets.yaml", "local.settings.json",
    "credentials", "credentials.*", "credentials-*", "credentials_*",
    "service-account*.json", "service_account*.json", "*-service-account.json",
    "client_secret*.json", "application_default_credentials.json", "google-services.json",
    "GoogleService-Info.plist", "firebase-adminsdk*.json", "*-firebase-adminsdk-*.json",
    # programs' own credential files
    ".netrc", "_netrc", ".pgpass", "pgpass.conf", ".my.cnf", ".mylogin.cnf", ".npmrc",
    ".yarnrc.yml",
    ".pypirc", ".git-credentials", ".htpasswd", ".htdigest", ".dockercfg", ".dockerconfigjson",
    ".s3cfg", ".boto", ".vault-token", ".terraformrc", "terraform.rc", "credentials.tfrc.json",
    ".bash_history", ".zsh_history", ".python_history", ".psql_history", ".mysql_history",
    ".node_repl_history", ".irb_history",
    # infrastructure
    "*.tfvars", "*.tfvars.json", "*.tfstate", "*.tfstate.*", "kubeconfig", "*.kubeconfig",
    "docker-compose.override.yml", "docker-compose.override.yaml", "vault.yml", "vault.yaml",
    "master.key", "wp-config.php",
)  # fmt: skip

FOLDERS: tuple[str, ...] = (
    "env/", "secrets/", "private/", "certs/", "certificates/", "keys/",
    "**/tmp/secrets/", "**/temp/secrets/", ".tmp/",
)  # fmt: skip
"""Folders with ordinary names: they count below a workspace root only."""

STORES: tuple[str, ...] = (
    ".env/", ".aws/", ".gcp/", ".azure/", ".kube/", ".docker/", ".secrets/", ".private/",
    ".ssh/", ".gnupg/", ".gpg/", ".password-store/", "**/.config/gcloud/", "**/.config/gh/",
    "**/.git/config", "**/.git/credentials", ".oci/", ".terraform.d/", ".vault/",
)  # fmt: skip
"""Folders that hold nothing but secrets: they count wherever they are, above the root too."""

ALLOWED: tuple[str, ...] = (
    "!.env.example", "!.env.sample", "!.env.template", "!.env.dist", "!.env.defaults",
    "!.env.schema", "!*.env.example", "!*.env.sample", "!*.env.template", "!example.env",
    "!sample.env", "!template.env", "!*.tfvars.example", "!credentials.example.*",
    "!credentials.sample.*", "!secrets.example.*",
)  # fmt: skip
"""Files that show what to fill in, and are empty of it."""

DEFAULTS: tuple[str, ...] = FILES + FOLDERS + STORES + ALLOWED


def as_markdown() -> str:
    """The lists as the documentation shows them."""
    rows = (
        ("Files", FILES),
        ("Folders, below a workspace folder", FOLDERS),
        ("Folders and files, wherever they are", STORES),
        ("Allowed all the same", ALLOWED),
    )
    return "\n".join(
        f"**{title}**\n\n" + " ".join(f"`{item}`" for item in items) + "\n" for title, items in rows
    )
