{{%AUTOESCAPE context="HTML"}}
<div class="page-head page-head-action">
<div>
<h1>Access keys</h1>
<p class="lead">With an access key, a script or an agent of yours can use your connectors in your name, within the limits you set. Keep each one like a password.</p>
</div>
{{#MAKE}}<a class="button button-primary" href="{{NEW_URL}}">Make an access key</a>{{/MAKE}}
</div>
{{#WORKING}}
<section class="group" aria-labelledby="working">
<h2 id="working">In use <span class="count">{{COUNT}}</span></h2>
<ul class="keys" role="list">
{{#KEY}}
<li class="key">
<div class="key-text">
<h3>{{NAME}}</h3>
<p class="status status-{{STATUS_CLASS}}"><span class="shape" aria-hidden="true"></span>{{STATUS_WORD}}</p>
<p>{{MAY}} {{WHERE}}.</p>
{{#TOOLS}}<p class="hint">Only these tools: <code>{{TOOLS}}</code></p>{{/TOOLS}}
<p class="hint">{{#USED}}Last used <time datetime="{{USED_ISO}}" title="{{USED_ISO}}">{{USED_TEXT}}</time>{{/USED}}{{#NEVER_USED}}Never used{{/NEVER_USED}}. {{ENDS}}. Begins with <code>{{PREFIX}}</code>.</p>
</div>
<a class="button button-secondary" href="{{REVOKE_URL}}">Revoke…<span class="sr"> {{NAME}}</span></a>
</li>
{{/KEY}}
</ul>
</section>
{{/WORKING}}
{{#EMPTY}}
<div class="empty">
<h2>No access keys in use</h2>
<p>You only need one if a program of your own is to use your connectors. Nothing else depends on it.</p>
<p><a class="button button-primary" href="{{NEW_URL}}">Make an access key</a></p>
</div>
{{/EMPTY}}
{{#ENDED}}
<section class="group" aria-labelledby="ended">
<h2 id="ended">No longer working <span class="count">{{COUNT}}</span></h2>
<ul class="keys" role="list">
{{#KEY}}
<li class="key key-ended">
<div class="key-text">
<h3>{{NAME}}</h3>
<p class="status status-{{STATUS_CLASS}}"><span class="shape" aria-hidden="true"></span>{{STATUS_WORD}}</p>
<p class="hint">{{ENDS}}. {{#USED}}Last used <time datetime="{{USED_ISO}}" title="{{USED_ISO}}">{{USED_TEXT}}</time>{{/USED}}{{#NEVER_USED}}Never used{{/NEVER_USED}}.</p>
</div>
</li>
{{/KEY}}
</ul>
</section>
{{/ENDED}}
