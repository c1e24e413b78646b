{{%AUTOESCAPE context="HTML"}}
<article class="sheet">
<svg class="icon icon-large" aria-hidden="true"><use href="/static/icons.svg#stop"></use></svg>
<h1>Revoke “{{NAME}}”?</h1>
<ul class="facts" role="list">
<li><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#stop"></use></svg><div><strong>What stops working</strong><p>Every program that shows this access key is refused from now on. Nobody else is affected.</p></div></li>
<li><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#clock"></use></svg><div><strong>What stays</strong><p>Your connectors stay connected, your other access keys keep working, and the history of what was done is kept.</p></div></li>
<li><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#undo"></use></svg><div><strong>How to get it back</strong><p>This key cannot be brought back. Make a new one and put it in its place.</p></div></li>
</ul>
<p class="hint">{{#USED}}Last used <time datetime="{{USED_ISO}}" title="{{USED_ISO}}">{{USED_TEXT}}</time>{{/USED}}{{#NEVER_USED}}It was never used{{/NEVER_USED}}. Begins with <code>{{PREFIX}}</code>.</p>
<div class="sheet-actions">
<form method="post" action="{{ACTION_URL}}">
<input type="hidden" name="csrf" value="{{CSRF}}">
<button class="button button-danger" type="submit">Revoke it</button>
</form>
<a class="button button-quiet" href="{{BACK_URL}}">Keep it</a>
</div>
</article>
