{{%AUTOESCAPE context="HTML"}}
{{! The shell around every page. Values set on its dictionary are visible in every included page. }}
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{TITLE}} · {{BRAND}}</title>
<link rel="stylesheet" href="{{STYLE_URL}}">
<link rel="icon" href="/static/favicon.svg" type="image/svg+xml">
<script src="{{SCRIPT_URL}}" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="top">
<div class="top-inner">
<a class="brand" href="/"><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#gate"></use></svg><span>{{BRAND}}</span></a>
{{#SIGNED_IN}}
<nav class="nav" aria-label="Main">
<a href="{{CONNECTORS_URL}}"{{#AT_CONNECTORS}} aria-current="page"{{/AT_CONNECTORS}}>Connectors</a>
<a href="{{TOKENS_URL}}"{{#AT_TOKENS}} aria-current="page"{{/AT_TOKENS}}>Access keys</a>
</nav>
<details class="me">
<summary><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#person"></use></svg><span class="me-name">{{PERSON_NAME}}</span></summary>
<div class="me-panel">
<p>Signed in as <strong>{{PERSON_NAME}}</strong><br>{{PERSON_EMAIL}}</p>
<form method="post" action="{{SIGNOUT_URL}}">
<input type="hidden" name="csrf" value="{{CSRF}}">
<button class="button button-secondary" type="submit">Sign out</button>
</form>
</div>
</details>
{{/SIGNED_IN}}
</div>
</header>
<main id="main" tabindex="-1"{{#REFRESH}} data-refresh-url="{{REFRESH_URL}}"{{/REFRESH}}>
{{#NOTICE}}
<div class="notice notice-{{NOTICE_KIND}}" data-announce>
<svg class="icon icon-success" aria-hidden="true"><use href="/static/icons.svg#check"></use></svg>
<svg class="icon icon-problem" aria-hidden="true"><use href="/static/icons.svg#alert"></use></svg>
<svg class="icon icon-info" aria-hidden="true"><use href="/static/icons.svg#info"></use></svg>
<p>{{NOTICE_TEXT}}</p>
</div>
{{/NOTICE}}
{{>BODY}}
</main>
<div class="sr" id="live" role="status" aria-live="polite"></div>
</body>
</html>
