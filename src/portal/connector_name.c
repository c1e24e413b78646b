#include "portal/connector_name.h"

#include <ctype.h>
#include <string.h>

#include "core/text.h"

struct app {
    const char *key; /* provider in upper case, letters and digits only */
    const char *name;
    const char *purpose;
};

static const struct app apps[] = {
    {"AIRTABLE", "Airtable", "Work with bases and records"},
    {"ASANA", "Asana", "Work with tasks and projects"},
    {"ATTIO", "Attio", "Work with customer records"},
    {"BIGQUERY", "BigQuery", "Query data sets"},
    {"BOX", "Box", "Work with files"},
    {"CALENDLY", "Calendly", "See and arrange meetings"},
    {"CLICKUP", "ClickUp", "Work with tasks and documents"},
    {"CONFLUENCE", "Confluence", "Read and write pages"},
    {"DISCORD", "Discord", "Read and send messages"},
    {"DROPBOX", "Dropbox", "Work with files"},
    {"EXA", "Exa", "Search the web"},
    {"FIGMA", "Figma", "Read designs and comments"},
    {"FRESHDESK", "Freshdesk", "Work with support tickets"},
    {"GITHUB", "GitHub", "Work with code, issues and pull requests"},
    {"GITLAB", "GitLab", "Work with code, issues and merge requests"},
    {"GMAIL", "Gmail", "Read and send e-mail"},
    {"GONG", "Gong", "Read calls and their notes"},
    {"GOOGLEADS", "Google Ads", "Work with campaigns"},
    {"GOOGLECALENDAR", "Google Calendar", "See and arrange events"},
    {"GOOGLEDOCS", "Google Docs", "Read and write documents"},
    {"GOOGLEDRIVE", "Google Drive", "Work with files"},
    {"GOOGLEFORMS", "Google Forms", "Read and make forms"},
    {"GOOGLEMEET", "Google Meet", "Arrange and read meetings"},
    {"GOOGLESHEETS", "Google Sheets", "Read and write spreadsheets"},
    {"GOOGLESLIDES", "Google Slides", "Read and write presentations"},
    {"HACKERNEWS", "Hacker News", "Read stories and comments"},
    {"HUBSPOT", "HubSpot", "Work with customer records"},
    {"INTERCOM", "Intercom", "Work with customer conversations"},
    {"JIRA", "Jira", "Work with issues and projects"},
    {"LINEAR", "Linear", "Work with issues and projects"},
    {"LINKEDIN", "LinkedIn", "Work with your profile and posts"},
    {"MICROSOFTEXCEL", "Microsoft Excel", "Read and write spreadsheets"},
    {"MICROSOFTTEAMS", "Microsoft Teams", "Read and send messages"},
    {"MICROSOFTWORD", "Microsoft Word", "Read and write documents"},
    {"MONDAY", "monday.com", "Work with boards and items"},
    {"NOTION", "Notion", "Read and write pages"},
    {"ONEDRIVE", "OneDrive", "Work with files"},
    {"ONENOTE", "OneNote", "Read and write notes"},
    {"OUTLOOK", "Outlook", "Read and send e-mail, arrange events"},
    {"PAGERDUTY", "PagerDuty", "Work with incidents"},
    {"PIPEDRIVE", "Pipedrive", "Work with deals and contacts"},
    {"SALESFORCE", "Salesforce", "Work with customer records"},
    {"SERVICENOW", "ServiceNow", "Work with tickets and records"},
    {"SHAREPOINT", "SharePoint", "Work with sites and files"},
    {"SLACK", "Slack", "Read and send messages"},
    {"SNOWFLAKE", "Snowflake", "Query data sets"},
    {"STRIPE", "Stripe", "Work with payments and customers"},
    {"TRELLO", "Trello", "Work with boards and cards"},
    {"YOUTUBE", "YouTube", "Work with videos and channels"},
    {"ZENDESK", "Zendesk", "Work with support tickets"},
    {"ZOOM", "Zoom", "Arrange and read meetings"},
};

#define KEY_MAX_BYTES 64

/* "google-calendar" and "Google_Calendar" have the same key. "" when it is longer than any of ours.
 */
static void make_key(const char *provider, char key[KEY_MAX_BYTES]) {
    size_t length = 0;
    for (const char *at = provider == NULL ? "" : provider; *at != '\0'; at++) {
        if (!isalnum((unsigned char)*at)) {
            continue;
        }
        if (length + 1 == KEY_MAX_BYTES) {
            length = 0;
            break;
        }
        key[length++] = (char)toupper((unsigned char)*at);
    }
    key[length] = '\0';
}

static const struct app *find_app(const char *provider) {
    char key[KEY_MAX_BYTES];
    make_key(provider, key);
    for (size_t i = 0; i < sizeof apps / sizeof apps[0]; i++) {
        if (strcmp(apps[i].key, key) == 0) {
            return &apps[i];
        }
    }
    return NULL;
}

/* "ACME_CRM" becomes "Acme Crm", "sales-eu" becomes "Sales Eu"; letters beyond ASCII stay as they
 * are. */
static const char *put_into_words(gate_arena *arena, const char *name) {
    char *words = gate_arena_strdup(arena, name);
    bool has_lower_case = false;
    for (const char *at = words; *at != '\0'; at++) {
        has_lower_case = has_lower_case || islower((unsigned char)*at);
    }
    bool at_start = true;
    for (char *at = words; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '_' || c == '-' || c == ' ') {
            *at = ' ';
            at_start = true;
            continue;
        }
        if (at_start) {
            *at = (char)toupper(c);
        } else if (!has_lower_case) {
            *at = (char)tolower(c);
        }
        at_start = false;
    }
    return words;
}

const char *gate_connector_display_name_make(gate_arena *arena, const char *provider,
                                             const char *connection_name) {
    const struct app *app = find_app(provider);
    if (app != NULL) {
        return app->name;
    }
    return put_into_words(arena, gate_text_is_empty(provider) ? connection_name : provider);
}

const char *gate_connector_purpose_get(const char *provider) {
    const struct app *app = find_app(provider);
    return app != NULL ? app->purpose : "Work with this app for you";
}
