{{%AUTOESCAPE context="HTML"}}
<article class="sheet sheet-plain">
<svg class="icon icon-large" aria-hidden="true"><use href="/static/icons.svg#gate"></use></svg>
<h1>{{BRAND}}</h1>
<p>See which apps agents and services may use in your name, connect new ones, and stop them whenever you like.</p>
<div class="sheet-actions">
<a class="button button-primary" href="{{SIGNIN_URL}}">Sign in</a>
</div>
</article>
