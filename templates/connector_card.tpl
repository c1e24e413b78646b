{{%AUTOESCAPE context="HTML"}}
<li class="card">
<span class="tile tint-{{TINT}}" aria-hidden="true">{{INITIALS}}</span>
<div class="card-text">
<h3><a class="card-link" href="{{HREF}}">{{NAME}}</a></h3>
<p class="purpose">{{PURPOSE}}</p>
</div>
<div class="card-state">
<p class="status status-{{STATUS_CLASS}}"><span class="shape" aria-hidden="true"></span>{{STATUS_WORD}}</p>
{{#HINT}}<p class="hint">{{STATUS_HINT}}</p>{{/HINT}}
{{#LAST_USED}}<p class="hint">Used <time datetime="{{LAST_USED_ISO}}" title="{{LAST_USED_ISO}}">{{LAST_USED_TEXT}}</time>{{#LAST_USED_BY}} by {{LAST_USED_BY}}{{/LAST_USED_BY}}</p>{{/LAST_USED}}
</div>
{{#ACTION_LINK}}
<a class="button button-{{ACTION_CLASS}}" href="{{ACTION_URL}}">{{ACTION_LABEL}}<span class="sr"> {{NAME}}</span></a>
{{/ACTION_LINK}}
{{#ACTION_POST}}
<form method="post" action="{{ACTION_URL}}">
<input type="hidden" name="csrf" value="{{CSRF}}">
<button class="button button-{{ACTION_CLASS}}" type="submit">{{ACTION_LABEL}}<span class="sr"> {{NAME}}</span></button>
</form>
{{/ACTION_POST}}
</li>
