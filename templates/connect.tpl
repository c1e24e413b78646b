{{%AUTOESCAPE context="HTML"}}
<article class="sheet">
<span class="tile tile-large tint-{{TINT}}" aria-hidden="true">{{INITIALS}}</span>
{{#FIRST_TIME}}<h1>You are about to connect {{NAME}}</h1>{{/FIRST_TIME}}
{{#AGAIN}}<h1>You are about to reconnect {{NAME}}</h1>{{/AGAIN}}
{{#ALREADY}}<h1>{{NAME}} is already connected</h1>{{/ALREADY}}
<ul class="facts" role="list">
<li><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#plug"></use></svg><div><strong>What for</strong><p>{{WHAT_FOR}}</p></div></li>
<li><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#lock"></use></svg><div><strong>Where you sign in</strong><p>On {{NAME}}’s own page, or on a secure form for an access key. {{BRAND}} never sees your password or key.</p></div></li>
<li><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#return"></use></svg><div><strong>Where you come back to</strong><p>{{COME_BACK_TO}}</p></div></li>
<li><svg class="icon" aria-hidden="true"><use href="/static/icons.svg#undo"></use></svg><div><strong>If you change your mind</strong><p>You can disconnect {{NAME}} here at any time.</p></div></li>
</ul>
<div class="sheet-actions">
<form method="post" action="{{ACTION_URL}}">
<input type="hidden" name="csrf" value="{{CSRF}}">
<input type="hidden" name="return_to" value="{{RETURN_TO}}">
<button class="button button-{{ACTION_CLASS}}" type="submit">{{ACTION_LABEL}}</button>
</form>
<a class="button button-quiet" href="{{CANCEL_URL}}">{{CANCEL_LABEL}}</a>
</div>
</article>
