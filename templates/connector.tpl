{{%AUTOESCAPE context="HTML"}}
<p class="back"><a href="/"><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#back"></use></svg>All connectors</a></p>
<div class="page-head page-head-tile">
<span class="tile tile-large tint-{{TINT}}" aria-hidden="true">{{INITIALS}}</span>
<div>
<h1>{{NAME}}</h1>
<p class="purpose">{{PURPOSE}}</p>
</div>
</div>
{{#STALE}}
<p class="stale"><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#clock"></use></svg><span>Shown as it was <time datetime="{{STALE_ISO}}" title="{{STALE_ISO}}">{{STALE_TEXT}}</time>. We cannot check for changes at the moment.</span></p>
{{/STALE}}
<section class="panel panel-status" aria-labelledby="state">
<div>
<h2 id="state" class="status status-{{STATUS_CLASS}}"><span class="shape" aria-hidden="true"></span>{{STATUS_WORD}}</h2>
<p>{{STATUS_SENTENCE}}</p>
{{#REFUSAL}}<p class="hint">It refused <code>{{REFUSED_TOOL}}</code> <time datetime="{{REFUSED_ISO}}" title="{{REFUSED_ISO}}">{{REFUSED_TEXT}}</time>.</p>{{/REFUSAL}}
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
</section>
<div class="columns">
<section aria-labelledby="calls">
<h2 id="calls">Recent calls</h2>
{{#CALLS}}
<ul class="calls" role="list">
{{#CALL}}
<li>
<span class="tool">{{TOOL}}</span>
<span class="outcome status-{{OUTCOME_CLASS}}"><span class="shape" aria-hidden="true"></span>{{OUTCOME_WORD}}</span>
<time datetime="{{WHEN_ISO}}" title="{{WHEN_ISO}}">{{WHEN_TEXT}}</time>
{{#CALLER}}<span class="caller">by {{CALLER}}</span>{{/CALLER}}
</li>
{{/CALL}}
</ul>
{{/CALLS}}
{{#NO_CALLS}}<p class="quiet">Nothing has been done with {{NAME}} in your name yet.</p>{{/NO_CALLS}}
</section>
<section aria-labelledby="history">
<h2 id="history">History</h2>
{{#HISTORY}}
<ol class="timeline" role="list">
{{#EVENT}}
<li><span>{{TEXT}}</span> <time datetime="{{WHEN_ISO}}" title="{{WHEN_ISO}}">{{WHEN_TEXT}}</time></li>
{{/EVENT}}
</ol>
{{/HISTORY}}
{{#NO_HISTORY}}<p class="quiet">You have not connected {{NAME}} yet.</p>{{/NO_HISTORY}}
</section>
</div>
{{#ENDING}}
<section class="ending" aria-labelledby="ending">
<h2 id="ending">Stop using {{NAME}}</h2>
{{#DISCONNECT}}
<div class="ending-row">
<p><strong>Disconnect</strong><br>Nothing can use {{NAME}} in your name until you connect it again. Its history stays here.</p>
<a class="button button-secondary" href="{{DISCONNECT_URL}}">Disconnect…</a>
</div>
{{/DISCONNECT}}
{{#REMOVE}}
<div class="ending-row">
<p><strong>Remove</strong><br>Disconnects {{NAME}} and deletes what is kept about your account with it.</p>
<a class="button button-danger" href="{{REMOVE_URL}}">Remove…</a>
</div>
{{/REMOVE}}
</section>
{{/ENDING}}
