#include "support/cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/settings.h"
#include "core/text.h"

#define PUBLIC_URL "GATEHOUSE_PUBLIC_URL=https://portal.example.com"
#define SCALEKIT_URL "SCALEKIT_ENVIRONMENT_URL=https://env.scalekit.example/"
#define SCALEKIT_ID "SCALEKIT_CLIENT_ID=skc_1"
#define SCALEKIT_SECRET "SCALEKIT_CLIENT_SECRET=test_scalekit"
#define OIDC_ID "OIDC_CLIENT_ID=portal"
#define OWN_SECRET "GATEHOUSE_SECRET=0123456789abcdef0123456789abcdef"
#define MINIMUM PUBLIC_URL, SCALEKIT_URL, SCALEKIT_ID, SCALEKIT_SECRET, OIDC_ID, OWN_SECRET

#define ENVIRONMENT_MAX 16

static struct gate_config *config;
static struct gate_error error;
static char file_path[64];

static int start(void **state) {
    (void)state;
    gate_error_clear(&error);
    config = NULL;
    file_path[0] = '\0';
    return 0;
}

static int stop(void **state) {
    (void)state;
    gate_config_free(config);
    if (file_path[0] != '\0') {
        unlink(file_path);
    }
    return 0;
}

/* Load from a NULL-terminated list of entries that are gone when it returns: the configuration owns
 * its own. */
static enum gate_err load(const char *path, const char *const *entries) {
    char *environment[ENVIRONMENT_MAX + 1] = {NULL};
    size_t count = 0;
    for (; entries[count] != NULL; count++) {
        assert_true(count < ENVIRONMENT_MAX);
        environment[count] = strdup(entries[count]);
    }
    gate_config_free(config);
    config = NULL;
    gate_error_clear(&error);
    enum gate_err err = gate_config_load(environment, path, &error, &config);
    for (size_t i = 0; i < count; i++) {
        memset(environment[i], '?', strlen(environment[i]));
        free(environment[i]);
    }
    return err;
}

#define load_entries(path, ...) load((path), (const char *const[]){__VA_ARGS__, NULL})

static const char *write_file(const char *text, size_t length) {
    strcpy(file_path, "/tmp/gatehouse-settings-XXXXXX");
    int fd = mkstemp(file_path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, length), (ssize_t)length);
    close(fd);
    return file_path;
}

static const char *write_text(const char *text) {
    return write_file(text, strlen(text));
}

static void assert_config_error(enum gate_err err, const char *sentence) {
    assert_int_equal(err, GATE_ERR_CONFIG);
    assert_null(config);
    assert_string_equal(error.message, sentence);
}

static void test_load__minimum_and_defaults(void **state) {
    (void)state;
    assert_int_equal(load_entries(NULL, MINIMUM, "PATH=/bin", "HOME"), GATE_OK);
    assert_string_equal(config->public_url, "https://portal.example.com");
    assert_true(config->public_is_https);
    assert_null(config->socket_path);
    assert_string_equal(config->database_path, "/var/lib/gatehouse/gatehouse.db");
    assert_string_equal(config->templates_dir, "/usr/share/gatehouse/templates");
    assert_non_null(config->return_origins);
    assert_null(config->return_origins[0]);
    assert_int_equal(config->log_level, GATE_LOG_INFO);
    assert_int_equal(config->workers, 4);
    assert_int_equal(config->in_flight_max, 2000);
    assert_int_equal(config->token_in_flight_max, 1000);
    assert_int_equal(config->token_new_users_per_hour, 1000);
    assert_true(config->keep_connections);
    assert_int_equal(config->shutdown_timeout_ms, 70000);
    assert_int_equal(config->upstream_connections_max, 1024);
    assert_null(config->upstream_ca_file);
    assert_string_equal(config->scalekit_url, "https://env.scalekit.example");
    assert_string_equal(config->scalekit_client_id, "skc_1");
    assert_string_equal(gate_secret_reveal(config->scalekit_client_secret), "test_scalekit");
    assert_int_equal(config->catalogue_max_age_ms, 60000);
    assert_int_equal(config->account_max_age_ms, 5000);
    assert_string_equal(config->oidc_issuer, "https://env.scalekit.example");
    assert_string_equal(config->oidc_client_id, "portal");
    assert_null(config->oidc_client_secret);
    assert_string_equal(config->oidc_scopes, "openid email profile");
    assert_string_equal(config->oidc_identifier_claim, "sub");
    assert_int_equal(gate_secret_length(config->secret), 32);
    assert_int_equal(config->session_idle_ms, 8 * 3600 * 1000);
    assert_int_equal(config->session_max_ms, 7 * 24 * 3600 * 1000);
    assert_int_equal(config->authorization_ttl_ms, 600000);
}

static void test_load__everything_given(void **state) {
    (void)state;
    const char *path =
        write_text("GATEHOUSE_PUBLIC_URL=http://127.0.0.1:8080\n"
                   "GATEHOUSE_SOCKET=/run/gatehouse/gatehouse.sock\n"
                   "GATEHOUSE_DATABASE=/tmp/g.db\n"
                   "GATEHOUSE_RETURN_ORIGINS=\"https://a.example  https://B.example:443/\"\n"
                   "GATEHOUSE_LOG_LEVEL=debug\n"
                   "GATEHOUSE_WORKERS=64\n"
                   "GATEHOUSE_KEEP_CONNECTIONS=no\n"
                   "GATEHOUSE_ACCOUNT_MAX_AGE=0\n"
                   "SCALEKIT_ENV_URL=https://s.example\n"
                   "OIDC_ISSUER=https://id.example/realms/main/\n"
                   "OIDC_CLIENT_SECRET='with \"quotes\" and \\ backslash'\n");
    assert_int_equal(load_entries(path, SCALEKIT_ID, SCALEKIT_SECRET, OIDC_ID, OWN_SECRET),
                     GATE_OK);
    assert_string_equal(config->public_url, "http://127.0.0.1:8080");
    assert_false(config->public_is_https);
    assert_string_equal(config->socket_path, "/run/gatehouse/gatehouse.sock");
    assert_string_equal(config->return_origins[0], "https://a.example");
    assert_string_equal(config->return_origins[1], "https://b.example");
    assert_null(config->return_origins[2]);
    assert_int_equal(config->log_level, GATE_LOG_DEBUG);
    assert_int_equal(config->workers, 64);
    assert_false(config->keep_connections);
    assert_int_equal(config->account_max_age_ms, 0);
    assert_string_equal(config->scalekit_url, "https://s.example");
    assert_string_equal(config->oidc_issuer, "https://id.example/realms/main");
    assert_string_equal(gate_secret_reveal(config->oidc_client_secret),
                        "with \"quotes\" and \\ backslash");
}

static void test_load__environment_over_file(void **state) {
    (void)state;
    const char *path = write_text("GATEHOUSE_WORKERS=8\nSCALEKIT_ENV_URL=https://file.example\n"
                                  "GATEHOUSE_IN_FLIGHT_MAX=10\n");
    assert_int_equal(load_entries(path, MINIMUM, "GATEHOUSE_WORKERS=2", "GATEHOUSE_IN_FLIGHT_MAX="),
                     GATE_OK);
    assert_int_equal(config->workers, 2);
    assert_string_equal(config->scalekit_url, "https://env.scalekit.example");
    /* Empty is the same as not set. */
    assert_int_equal(config->in_flight_max, 10);
}

static void test_load__missing_ones_are_all_named(void **state) {
    (void)state;
    assert_config_error(load_entries(NULL, SCALEKIT_ID, "OIDC_CLIENT_ID="),
                        "not set: GATEHOUSE_PUBLIC_URL SCALEKIT_ENVIRONMENT_URL "
                        "SCALEKIT_CLIENT_SECRET OIDC_CLIENT_ID GATEHOUSE_SECRET");
}

static void test_load__unknown_names(void **state) {
    (void)state;
    assert_config_error(load_entries(NULL, MINIMUM, "GATEHOUSE_WORKER=2"),
                        "GATEHOUSE_WORKER in the environment is no setting of ours");
    assert_config_error(load_entries(NULL, MINIMUM, "OIDC_CLIENT_ID_FILE=/x"),
                        "OIDC_CLIENT_ID_FILE in the environment is no setting of ours");
    assert_config_error(load_entries(NULL, MINIMUM, "SCALEKIT_OTHER="),
                        "SCALEKIT_OTHER in the environment is no setting of ours");
    assert_config_error(load_entries(write_text("LANG=C\n"), MINIMUM),
                        "LANG in the settings file is no setting of ours");
}

static void test_load__setting_and_alias(void **state) {
    (void)state;
    assert_config_error(load_entries(NULL, MINIMUM, "SCALEKIT_ENV_URL=https://other.example"),
                        "SCALEKIT_ENVIRONMENT_URL and SCALEKIT_ENV_URL are both set, and differ");
    assert_int_equal(load_entries(NULL, MINIMUM, "SCALEKIT_ENV_URL=https://env.scalekit.example/"),
                     GATE_OK);
    assert_config_error(load_entries(NULL, MINIMUM, "GATEHOUSE_SECRET_FILE=/nowhere"),
                        "GATEHOUSE_SECRET and GATEHOUSE_SECRET_FILE are both set, and differ");
}

static enum gate_err load_with(const char *entry) {
    return load_entries(NULL, SCALEKIT_ID, SCALEKIT_SECRET, OIDC_ID, entry);
}

struct bad_value {
    const char *entry;
    const char *sentence;
};

static void test_load__bad_values(void **state) {
    (void)state;
    static const struct bad_value bad[] = {
        {"GATEHOUSE_PUBLIC_URL=http://portal.example.com",
         "GATEHOUSE_PUBLIC_URL is http, which only a loopback host may be"},
        {"GATEHOUSE_PUBLIC_URL=https://portal.example.com/app",
         "GATEHOUSE_PUBLIC_URL has a path, but is to be scheme, host and port only"},
        {"SCALEKIT_ENV_URL=https://user@s.example", "SCALEKIT_ENV_URL has user information"},
        {"OIDC_ISSUER=https://id.example/?x", "OIDC_ISSUER has a query"},
        {"GATEHOUSE_SOCKET=run.sock", "GATEHOUSE_SOCKET is no absolute path"},
        {"GATEHOUSE_WORKERS=0", "GATEHOUSE_WORKERS is no whole number from 1 to 64"},
        {"GATEHOUSE_WORKERS=65", "GATEHOUSE_WORKERS is no whole number from 1 to 64"},
        {"GATEHOUSE_WORKERS=four", "GATEHOUSE_WORKERS is no whole number from 1 to 64"},
        {"GATEHOUSE_IN_FLIGHT_MAX=20001",
         "GATEHOUSE_IN_FLIGHT_MAX is no whole number from 1 to 20000"},
        {"GATEHOUSE_KEEP_CONNECTIONS=true", "GATEHOUSE_KEEP_CONNECTIONS is neither yes nor no"},
        {"GATEHOUSE_LOG_LEVEL=INFO", "GATEHOUSE_LOG_LEVEL is none of debug, info, warn, error"},
        {"GATEHOUSE_RETURN_ORIGINS=https://a.example https://b.example/x",
         "GATEHOUSE_RETURN_ORIGINS: number 2 has a path, but is to be scheme, host and port only"},
        {"OIDC_SCOPES=openid\nemail", "OIDC_SCOPES is not one line of UTF-8 text"},
        {"OIDC_IDENTIFIER_CLAIM=\xFF", "OIDC_IDENTIFIER_CLAIM is not one line of UTF-8 text"},
        {"GATEHOUSE_SECRET=too short", "GATEHOUSE_SECRET is shorter than 32 bytes"},
        {"GATEHOUSE_SECRET_FILE=relative", "GATEHOUSE_SECRET_FILE is no absolute path"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_config_error(load_with(bad[i].entry), bad[i].sentence);
    }
}

static void test_load__long_values(void **state) {
    (void)state;
    char entry[GATE_SETTING_VALUE_MAX_BYTES + 64] = "OIDC_SCOPES=";
    memset(entry + strlen(entry), 'x', GATE_SETTING_VALUE_MAX_BYTES + 1);
    assert_config_error(load_with(entry), "OIDC_SCOPES is longer than 4096 bytes");
    char socket[256] = "GATEHOUSE_SOCKET=/";
    memset(socket + strlen(socket), 'x', 107);
    assert_config_error(load_with(socket), "GATEHOUSE_SOCKET is longer than 107 bytes");
}

static void test_load__session_longer_idle_than_alive(void **state) {
    (void)state;
    assert_config_error(
        load_entries(NULL, MINIMUM, "GATEHOUSE_SESSION_IDLE=7200", "GATEHOUSE_SESSION_MAX=3600"),
        "GATEHOUSE_SESSION_IDLE is longer than GATEHOUSE_SESSION_MAX");
}

static enum gate_err load_secret_file(const char *bytes, size_t length) {
    char entry[128];
    snprintf(entry, sizeof entry, "GATEHOUSE_SECRET_FILE=%s", write_file(bytes, length));
    enum gate_err err =
        load_entries(NULL, PUBLIC_URL, SCALEKIT_URL, SCALEKIT_ID, SCALEKIT_SECRET, OIDC_ID, entry);
    unlink(file_path);
    file_path[0] = '\0';
    return err;
}

static void test_secret_file__one_newline_is_dropped(void **state) {
    (void)state;
    const char *secret = "abcdefghijklmnopqrstuvwxyz012345\n";
    assert_int_equal(load_secret_file(secret, 33), GATE_OK);
    assert_int_equal(gate_secret_length(config->secret), 32);
    assert_int_equal(load_secret_file(secret, 32), GATE_OK);
    assert_string_equal(gate_secret_reveal(config->secret), "abcdefghijklmnopqrstuvwxyz012345");
}

static void test_secret_file__refused(void **state) {
    (void)state;
    char large[GATE_SETTING_VALUE_MAX_BYTES + 2];
    memset(large, 'x', sizeof large);
    assert_config_error(load_secret_file("", 0), "GATEHOUSE_SECRET_FILE names an empty file");
    assert_config_error(load_secret_file("\n", 1), "GATEHOUSE_SECRET_FILE names an empty file");
    assert_config_error(load_secret_file("short", 5),
                        "GATEHOUSE_SECRET_FILE is shorter than 32 bytes");
    assert_config_error(load_secret_file("abcdefghijklmnopqrstuvwxyz012345\n\n", 34),
                        "GATEHOUSE_SECRET_FILE is not one line of UTF-8 text");
    assert_config_error(load_secret_file("abcdefghijklmnop\0qrstuvwxyz0123456789", 37),
                        "GATEHOUSE_SECRET_FILE is not one line of UTF-8 text");
    assert_int_equal(load_secret_file(large, sizeof large), GATE_ERR_CONFIG);
    assert_non_null(strstr(error.message, "is larger than 4096 bytes"));
    assert_config_error(
        load_with("GATEHOUSE_SECRET_FILE=/nowhere/at/all"),
        "GATEHOUSE_SECRET_FILE: /nowhere/at/all cannot be opened: No such file or directory");
    assert_int_equal(load_with("GATEHOUSE_SECRET_FILE=/"), GATE_ERR_CONFIG);
}

static void test_file__cannot_be_read(void **state) {
    (void)state;
    assert_config_error(
        load_entries("/nowhere/at/all", MINIMUM),
        "settings file: /nowhere/at/all cannot be opened: No such file or directory");
    size_t length = GATE_SETTINGS_FILE_MAX_BYTES + 1;
    char *large = malloc(length);
    memset(large, '\n', length);
    assert_int_equal(load_entries(write_file(large, length), MINIMUM), GATE_ERR_CONFIG);
    free(large);
}

static void test_errors__never_hold_a_secret(void **state) {
    (void)state;
    static const char *const entries[] = {"GATEHOUSE_SECRET=hunter2",
                                          "OIDC_CLIENT_SECRET=hunter2\n",
                                          "SCALEKIT_CLIENT_SECRET=hunter2\xFF"};
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        assert_int_equal(load_entries(NULL, entries[i]), GATE_ERR_CONFIG);
        assert_null(strstr(error.message, "hunter2"));
    }
    assert_int_equal(
        load_entries(NULL, "OIDC_CLIENT_SECRET=hunter2", "OIDC_CLIENT_SECRET_FILE=/hunter2"),
        GATE_ERR_CONFIG);
    assert_null(strstr(error.message, "hunter2"));
}

/* 24 bytes each. */
#define WHSEC_1 "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define WHSEC_2 "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

static void test_webhook_secrets__are_decoded(void **state) {
    (void)state;
    assert_int_equal(load_entries(NULL, MINIMUM, "SCALEKIT_WEBHOOK_SECRET=" WHSEC_2), GATE_OK);
    assert_int_equal(gate_secret_length(config->scalekit_webhook_keys[0]), 24);
    assert_string_equal(gate_secret_reveal(config->scalekit_webhook_keys[0]),
                        "0123456789abcdef01234567");
    assert_null(config->scalekit_webhook_keys[1]);
}

static void test_webhook_secrets__several_from_a_file(void **state) {
    (void)state;
    static const char bytes[] = WHSEC_1 "  " WHSEC_2 "\n";
    char entry[256];
    snprintf(entry, sizeof entry, "SCALEKIT_WEBHOOK_SECRET_FILE=%s",
             write_file(bytes, sizeof bytes - 1));
    assert_int_equal(load_entries(NULL, MINIMUM, entry), GATE_OK);
    assert_non_null(config->scalekit_webhook_keys[0]);
    assert_non_null(config->scalekit_webhook_keys[1]);
    assert_null(config->scalekit_webhook_keys[2]);
}

static void test_webhook_secrets__left_out(void **state) {
    (void)state;
    assert_int_equal(load_entries(NULL, MINIMUM), GATE_OK);
    assert_null(config->scalekit_webhook_keys);
}

static void test_webhook_secrets__refused(void **state) {
    (void)state;
    static const char *const values[] = {
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_",
        "whsec_hunter2",
        "whsec_aHVudGVyMg==",
        WHSEC_1 " whsec_hunter2",
        WHSEC_1 "," WHSEC_2,
        WHSEC_1 " " WHSEC_1 " " WHSEC_1 " " WHSEC_1 " " WHSEC_1 " " WHSEC_1 " " WHSEC_1 " " WHSEC_1
                " " WHSEC_1,
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char entry[1024];
        snprintf(entry, sizeof entry, "SCALEKIT_WEBHOOK_SECRET=%s", values[i]);
        assert_int_equal(load_entries(NULL, MINIMUM, entry), GATE_ERR_CONFIG);
        assert_non_null(strstr(error.message, "SCALEKIT_WEBHOOK_SECRET"));
        assert_null(strstr(error.message, "hunter2"));
        assert_null(strstr(error.message, "MfKQ"));
    }
}

static void test_table__is_sound(void **state) {
    (void)state;
    for (size_t i = 0; i < gate_setting_count; i++) {
        const struct gate_setting *setting = &gate_settings[i];
        assert_false(setting->required && setting->fallback != NULL);
        assert_true(gate_text_ends_with(setting->help, "."));
        assert_true(!gate_setting_is_secret(setting) || setting->fallback == NULL);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(setting->name, gate_settings[j].name);
            assert_int_not_equal(setting->offset, gate_settings[j].offset);
        }
    }
    gate_config_free(NULL);
}

static char *read_reference(void) {
    static char text[64 * 1024];
    FILE *file = fopen(GATE_SOURCE_DIR "/deploy/gatehouse.conf", "r");
    assert_non_null(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    assert_true(length < sizeof text - 1);
    text[length] = '\0';
    return text;
}

static const struct gate_setting *find_setting(const char *name, size_t length) {
    for (size_t i = 0; i < gate_setting_count; i++) {
        if (strlen(gate_settings[i].name) == length &&
            strncmp(gate_settings[i].name, name, length) == 0) {
            return &gate_settings[i];
        }
    }
    return NULL;
}

/* deploy/gatehouse.conf and the table say the same: each setting once, under its sentence,
 * commented out with its default, or empty and to be filled in. */
static void test_reference_file__agrees_with_the_table(void **state) {
    (void)state;
    char previous[512] = "";
    size_t found = 0;
    for (char *line = strtok(read_reference(), "\n"); line != NULL; line = strtok(NULL, "\n")) {
        const char *name = *line == '#' ? line + 1 : line;
        size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
        if (length == 0 || name[length] != '=') {
            assert_true(*line == '#');
            snprintf(previous, sizeof previous, "%s", line);
            continue;
        }
        const struct gate_setting *setting = find_setting(name, length);
        if (setting == NULL) {
            fail_msg("no setting: %s", line);
            return;
        }
        assert_ptr_equal(setting, &gate_settings[found]); /* the table's order, hence each once */
        const char *value = setting->fallback == NULL ? "" : setting->fallback;
        const char *quote = strchr(value, ' ') == NULL ? "" : "\"";
        char expected[512];
        snprintf(expected, sizeof expected, "%s%s=%s%s%s", setting->required ? "" : "#",
                 setting->name, quote, value, quote);
        assert_string_equal(line, expected);
        snprintf(expected, sizeof expected, "# %s", setting->help);
        assert_string_equal(previous, expected);
        found++;
    }
    assert_int_equal(found, gate_setting_count);
}

static void test_reference_file__loads(void **state) {
    (void)state;
    assert_int_equal(load_entries(GATE_SOURCE_DIR "/deploy/gatehouse.conf", MINIMUM), GATE_OK);
    assert_int_equal(config->workers, 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_load__minimum_and_defaults, start, stop),
        cmocka_unit_test_setup_teardown(test_load__everything_given, start, stop),
        cmocka_unit_test_setup_teardown(test_load__environment_over_file, start, stop),
        cmocka_unit_test_setup_teardown(test_load__missing_ones_are_all_named, start, stop),
        cmocka_unit_test_setup_teardown(test_load__unknown_names, start, stop),
        cmocka_unit_test_setup_teardown(test_load__setting_and_alias, start, stop),
        cmocka_unit_test_setup_teardown(test_load__bad_values, start, stop),
        cmocka_unit_test_setup_teardown(test_load__long_values, start, stop),
        cmocka_unit_test_setup_teardown(test_load__session_longer_idle_than_alive, start, stop),
        cmocka_unit_test_setup_teardown(test_secret_file__one_newline_is_dropped, start, stop),
        cmocka_unit_test_setup_teardown(test_secret_file__refused, start, stop),
        cmocka_unit_test_setup_teardown(test_file__cannot_be_read, start, stop),
        cmocka_unit_test_setup_teardown(test_errors__never_hold_a_secret, start, stop),
        cmocka_unit_test_setup_teardown(test_webhook_secrets__are_decoded, start, stop),
        cmocka_unit_test_setup_teardown(test_webhook_secrets__several_from_a_file, start, stop),
        cmocka_unit_test_setup_teardown(test_webhook_secrets__left_out, start, stop),
        cmocka_unit_test_setup_teardown(test_webhook_secrets__refused, start, stop),
        cmocka_unit_test_setup_teardown(test_table__is_sound, start, stop),
        cmocka_unit_test_setup_teardown(test_reference_file__agrees_with_the_table, start, stop),
        cmocka_unit_test_setup_teardown(test_reference_file__loads, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
