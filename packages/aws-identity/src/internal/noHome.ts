/** The code and the remedy for a path below an unknown home directory. */

/** `code` of the `FileError`. */
export const noHomeCode = "the home directory is not known, because HOME is not set"

export const noHomeRemedy = "Set HOME to the home directory of this user, or name the files: AWS_CONFIG_FILE, " +
  "AWS_SHARED_CREDENTIALS_FILE, AWS_SSO_CACHE_DIR. In code, give the option homeDirectory."
